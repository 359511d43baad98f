import t, { type Test } from 'tap'
import { chromiumPath, hasChromium } from './chromium.ts'
import { docsStories } from './docs.ts'
import { pageStories } from './pages.ts'
import { popupStories } from './popup.ts'
import { openScene } from './scene.ts'
import { stateStories } from './states.ts'

const needsChromium = `in a browser › needs Chromium at ${chromiumPath}: apt-get install chromium (or set CHROMIUM_PATH)`

// One browser and one guichet for all tests: starting them takes longer than most tests.
async function inBrowser(t: Test): Promise<void> {
  const scene = await openScene(t)
  await pageStories(t, scene)
  await popupStories(t, scene)
  await stateStories(t, scene)
  await docsStories(t, scene)
  t.same(scene.google.violations, [])
}

if (hasChromium) t.test('in a browser', { timeout: 200_000 }, inBrowser)
else if (process.env.CI) t.fail(needsChromium)
else t.skip(needsChromium, inBrowser)
