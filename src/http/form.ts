import type { FastifyInstance } from 'fastify'

/** Lets a plugin's routes take a page's form; repeated fields stay lists, which their schemas refuse. */
export function takeForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 4096 },
    (_request, body, done) => {
      const form = new URLSearchParams(String(body))
      done(
        null,
        Object.fromEntries(
          [...form.keys()].map(name => [name, form.getAll(name).length > 1 ? form.getAll(name) : form.get(name)])
        )
      )
    }
  )
}
