import { urlUnder } from '../../config/public-url.ts'
import { connectionCollection } from '../../connections/repository.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient, warning } from './finding.ts'

/** Whether Gmail's pushes can arrive, and whether they do. */
export const checkPubsub: Check = async patient => {
  if (!patient.config.gmailPush) return [notChecked('GMAIL_PUBSUB_TOPIC is not set; mailboxes are polled')]
  return [await checkHook(patient), await checkPushes(patient)]
}

/** A push without Google's signature must be refused as such: then the route is there, and reachable. */
async function checkHook({ config, fetch }: Patient): Promise<Finding> {
  const { href } = urlUnder(config.publicUrl, '/hooks/gmail')
  try {
    const { status } = await fetch(href, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' }
    })
    if (status === 401 || status === 403) return ok('pushes reach guichet, and are refused without their signature')
    const remedy = 'The proxy must hand on POST /hooks/gmail; the server must run with this environment.'
    return fault(`${href} answered ${status} to a push without a signature`, remedy)
  } catch {
    return notChecked('PUBLIC_URL cannot be reached from here')
  }
}

async function checkPushes({ database }: Patient): Promise<Finding> {
  const connections = database.collection(connectionCollection)
  const followed = await connections.countDocuments({ live: true, 'watch.mode': 'push' } as object)
  const heard = await connections.countDocuments({ live: true, 'watch.lastNotifiedAt': { $ne: null } } as object)
  if (followed === 0) return notChecked('no mailbox is followed by push yet')
  if (heard > 0) return ok(`Google has pushed for ${heard} of ${followed} mailboxes`)
  return warning(
    `no push has come for any of ${followed} followed mailboxes`,
    'gmail-api-push@system.gserviceaccount.com must be a publisher of the topic; the subscription must push to PUBLIC_URL/hooks/gmail.'
  )
}
