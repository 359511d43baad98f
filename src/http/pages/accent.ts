type Rgb = readonly [number, number, number]

/** Grounds of web/styles/colours.css on which the accent is written, the less contrasting one of each scheme. */
const paper: Rgb = [0xef, 0xea, 0xdf]
const darkCard: Rgb = [0x1d, 0x26, 0x28]
const black: Rgb = [0, 0, 0]
const white: Rgb = [255, 255, 255]
/** WCAG 2.2, 1.4.3, with a little in hand for rounding. */
const leastContrast = 4.6

/** The colours that a brand's #rrggbb gives: as near to it as can be read, in light and in dark. */
export function toAccentCss(hex: string): string {
  const accent = [1, 3, 5].map(at => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb
  const light = toReadable(accent, paper, black)
  const dark = toReadable(accent, darkCard, white)
  const declare = (colour: Rgb) =>
    `--accent:${toHex(colour)};--on-accent:${toHex(inkOn(colour))};--stub-fill:${toHex(light)};--stub-ink:${toHex(inkOn(light))}`
  return `\n:root{${declare(light)}}@media (prefers-color-scheme:dark){:root{${declare(dark)}}}\n`
}

/** Mixed with `towards` in steps until it can be read on `ground`. */
function toReadable(colour: Rgb, ground: Rgb, towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.02) {
    const mixed = colour.map((value, index) =>
      Math.round(value + ((towards[index] ?? 0) - value) * share)
    ) as unknown as Rgb
    if (contrast(mixed, ground) >= leastContrast) return mixed
  }
  return towards
}

/** One of the two is always readable: the worse the one, the better the other. */
const inkOn = (colour: Rgb) => (contrast(colour, white) >= contrast(colour, black) ? white : black)

/** WCAG 2.2: from 1, the same, to 21, black on white. */
function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map(value => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as unknown as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const toHex = (colour: Rgb) => `#${colour.map(value => value.toString(16).padStart(2, '0')).join('')}`
