import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type Asset, readAsset, sendAsset, toAsset } from '../../src/http/asset.ts'
import { html } from '../../src/http/html.ts'

/** What the viewer needs: its own files and the description. Its icons are inside its styles. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'"
].join('; ')

const javascript = 'text/javascript; charset=utf-8'
const viewer = [
  { url: '/docs/viewer.js', file: 'swagger-ui-bundle.js', type: javascript },
  { url: '/docs/viewer.css', file: 'swagger-ui.css', type: 'text/css; charset=utf-8' }
]

/**
 * The API's description for people: Swagger UI over `/openapi.json`. Of its package only the files are used, and read when
 * somebody opens the page: registering its plugin would take a tenth of the start.
 */
const docs: FastifyPluginAsyncZod = async app => {
  const { name } = app.config.brand
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name}: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/viewer.css">
<main id="docs"><noscript>The same for programs: <a href="openapi.json">openapi.json</a>.</noscript></main>
<script src="docs/viewer.js"></script>
<script src="docs/open.js"></script>
</html>`
  const shell = toAsset(page.markup, 'text/html; charset=utf-8')
  const documents: { url: string; read: () => Asset | Promise<Asset> }[] = [
    { url: '/docs', read: () => shell },
    { url: '/docs/open.js', read: () => readAsset('docs.js') },
    ...viewer.map(({ url, file, type }) => ({ url, read: readOnce(file, type) }))
  ]
  for (const { url, read } of documents)
    app.route({
      method: 'GET',
      url,
      exposeHeadRoute: true,
      schema: { hide: true },
      handler: async (request, reply) =>
        sendAsset(request, reply.header('content-security-policy', policy), await read())
    })
}

function readOnce(file: string, type: string): () => Promise<Asset> {
  let asset: Promise<Asset> | undefined
  return () => {
    asset ??= readFile(join(folderOf('@fastify/swagger-ui'), 'static', file), 'utf8').then(
      content => toAsset(content, type),
      error => {
        // One that could not be read is read again for the next who asks.
        asset = undefined
        throw error
      }
    )
    return asset
  }
}

function folderOf(name: string): string {
  return join(createRequire(import.meta.url).resolve(`${name}/package.json`), '..')
}

export default docs
