import t from 'tap'
import { parseConfig } from '../../../src/config/config.ts'
import { toAccentCss } from '../../../src/http/pages/accent.ts'
import { build, enter } from '../../helper.ts'

const grounds = { light: ['#efeadf', '#fffdf7'], dark: ['#12181a', '#1d2628'] }

/** The contrast formula of WCAG 2.2, written independently of the code. */
function contrast(one: string, other: string): number {
  const light = (hex: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
      const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [a, b] = [light(one), light(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

t.test('brand › any accent colour › readable in light and in dark', async t => {
  const levels = ['00', '33', '66', '80', '99', 'cc', 'ff']
  const faults: string[] = []
  for (const accent of levels.flatMap(r => levels.flatMap(g => levels.map(b => `#${r}${g}${b}`)))) {
    const schemes = toAccentCss(accent).split('@media')
    for (const [index, scheme] of (['light', 'dark'] as const).entries()) {
      const colour = (name: string) => new RegExp(`${name}:(#[0-9a-f]{6})`).exec(schemes[index] ?? '')?.[1] ?? ''
      const pairs = [
        ...grounds[scheme].map(ground => [colour('--accent'), ground]),
        [colour('--accent'), colour('--on-accent')],
        [colour('--stub-fill'), colour('--stub-ink')]
      ]
      for (const [one = '', other = ''] of pairs)
        if (!(contrast(one, other) >= 4.5)) faults.push(`${accent} ${scheme}: ${one} on ${other}`)
    }
  }
  t.same(faults, [])
  t.match(toAccentCss('#164f47'), '--accent:#164f47', 'what can be read already stays')
})

t.test('brand › name, logo and accent › on every page, and allowed by its content policy', async t => {
  const world = await build(t, {
    environment: {
      APP_NAME: '</title><img src=x onerror=alert(1)>{{content}}',
      APP_LOGO_URL: 'https://cdn.example.com/logo.svg',
      APP_ACCENT: '#FFEE00'
    }
  })
  const { body, headers } = await world.browser().navigate('/')
  t.notMatch(body, '<img src=x')
  t.match(body, '&#60;/title&#62;&#60;img src=x')
  t.equal(body.match(/\{\{content\}\}/g)?.length, 2, 'a placeholder in a name is no placeholder')
  t.match(body, '<img src="https://cdn.example.com/logo.svg" alt="" height="28">')
  t.match(headers['content-security-policy'], "img-src data: https://cdn.example.com/logo.svg; script-src 'self'")
  t.match((await world.app.inject('/style.css')).body, /--accent:#[0-9a-f]{6};/)

  const plain = await enter(t)
  t.match((await plain.browser().navigate('/')).body, '<title>Connected accounts · guichet</title>')
  t.match((await plain.browser().navigate('/')).headers['content-security-policy'], 'img-src data:;')
})

t.test('brand › an invalid name, logo or colour › stops the start by its name', async t => {
  const { environment } = await enter(t)
  for (const [variable, value] of [
    ['APP_NAME', 'x'.repeat(61)],
    ['APP_NAME', 'two\nlines'],
    ['APP_LOGO_URL', 'http://cdn.example.com/logo.svg'],
    ['APP_LOGO_URL', 'https://cdn.example.com/a;script-src *'],
    ['APP_LOGO_URL', 'https://cdn.example.com/a,b'],
    ['APP_LOGO_URL', 'https://user:word@cdn.example.com/a'],
    ['APP_LOGO_URL', 'javascript:alert(1)'],
    ['APP_ACCENT', 'red'],
    ['APP_ACCENT', '#164f47;}body{display:none']
  ] as const)
    t.throws(
      () => parseConfig({ ...environment, [variable]: value }),
      new RegExp(`  ${variable}: (must be|holds)`),
      value
    )
})
