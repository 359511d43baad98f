import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { readAsset, sendAsset } from '../../src/http/asset.ts'

/** The browser client, for pages without a bundler: under its name, and under its hash for good. */
const client: FastifyPluginAsyncZod = async app => {
  const asset = readAsset('client.js')
  for (const [url, cacheControl] of [
    ['/client.js', 'no-cache'],
    [`/client.${asset.hash}.js`, 'public, max-age=31536000, immutable']
  ] as const)
    app.route({
      method: 'GET',
      url,
      exposeHeadRoute: true,
      schema: { hide: true },
      handler: async (request, reply) => {
        // Public code: any page may load it. What it may do there is decided where it asks.
        if (!reply.hasHeader('access-control-allow-origin')) reply.header('access-control-allow-origin', '*')
        reply.header('cross-origin-resource-policy', 'cross-origin')
        return sendAsset(request, reply, asset, cacheControl)
      }
    })
}

export default client
