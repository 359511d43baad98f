import type { Test } from 'tap'
import type { Scene } from './scene.ts'

/** The API's description, as people read it. */
export async function docsStories(t: Test, scene: Scene): Promise<void> {
  await t.test('docs › every operation can be opened and tried out under the content policy', async t => {
    const { page, context, complaints } = await scene.open(t, `${scene.url}/docs`)
    const foreign: string[] = []
    context.on('request', request => {
      if (!/^data:/.test(request.url()) && new URL(request.url()).origin !== scene.url) foreign.push(request.url())
    })
    const operations = page.locator('.opblock')
    await operations.first().waitFor()
    const { paths } = (await (await fetch(`${scene.url}/openapi.json`)).json()) as { paths: Record<string, object> }
    t.equal(await operations.count(), Object.values(paths).flatMap(methods => Object.keys(methods)).length)
    await page.getByText('/livez', { exact: true }).click()
    await page.getByRole('button', { name: 'Try it out' }).click()
    await page.getByRole('button', { name: 'Execute' }).click()
    await page.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor()
    t.same(foreign, [])
    t.same(complaints, [])
  })
}
