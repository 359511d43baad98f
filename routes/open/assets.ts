import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type Asset, joinAssets, readAsset, sendAsset } from '../../src/http/asset.ts'
import { toAccentCss } from '../../src/http/pages/accent.ts'

const styles = ['colours', 'frame', 'ticket', 'page'].map(name => `styles/${name}.css`)
const scripts = ['page.js', 'mail.js', 'time.js', 'popup.js']

/** What the hosted pages are drawn with, and what runs in them. */
const assets: FastifyPluginAsyncZod = async app => {
  const { accent } = app.config.brand
  const files: [url: string, asset: Asset][] = [
    ['/style.css', joinAssets(styles, accent && toAccentCss(accent))],
    ...scripts.map((file): [string, Asset] => [`/${file}`, readAsset(file)])
  ]
  for (const [url, asset] of files)
    app.route({
      method: 'GET',
      url,
      exposeHeadRoute: true,
      schema: { hide: true },
      handler: async (request, reply) => sendAsset(request, reply, asset)
    })
}

export default assets
