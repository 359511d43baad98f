import { CodedError, GuichetError } from '../errors.ts'

type Kind = (value: unknown) => boolean

const isText: Kind = value => typeof value === 'string'
const isCount: Kind = value => Number.isSafeInteger(value)
const isFlag: Kind = value => typeof value === 'boolean'
/** Google documents text, and has sent numbers. */
const isDigits: Kind = value => typeof value === 'string' || (Number.isInteger(value) && Number(value) >= 0)
const isObject: Kind = value => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts: Kind = value => Array.isArray(value) && value.every(isText)
const isObjects: Kind = value => Array.isArray(value) && value.every(isObject)

/** The fields that guichet uses of Gmail's and Calendar's resources: a name means the same wherever it stands. */
const fields: readonly [Kind, string][] = [
  [isText, 'id threadId snippet partId mimeType filename name value attachmentId data raw nextPageToken type'],
  [isText, 'emailAddress sendAsEmail displayName replyToAddress verificationStatus textColor backgroundColor'],
  [isText, 'labelListVisibility messageListVisibility summary summaryOverride description timeZone accessRole'],
  [isText, 'status location dateTime date email responseStatus recurringEventId updated'],
  [isCount, 'sizeEstimate size messagesTotal messagesUnread threadsTotal threadsUnread'],
  [isFlag, 'isPrimary isDefault primary'],
  [isDigits, 'historyId internalDate expiration'],
  [isTexts, 'labelIds'],
  [isObject, 'payload body message color start end organizer'],
  [isObjects, 'headers parts messages threads labels drafts sendAs items attendees'],
  [isObjects, 'history messagesAdded messagesDeleted labelsAdded labelsRemoved']
]
const kinds = new Map(fields.flatMap(([kind, names]) => names.split(' ').map(name => [name, kind] as const)))

/**
 * That an answer of Google's is a resource whose fields hold what Google documents. Fields that are null are taken away:
 * they mean as little as those that are absent.
 * @throws GuichetError `google_invalid_response`
 */
export function requireResource(answer: unknown): asserts answer is object {
  if (!isObject(answer)) throw refusal('no_json_object')
  // Not by recursion: a mail's parts may be thousands deep.
  const open = [answer as Record<string, unknown>]
  for (let resource = open.pop(); resource; resource = open.pop()) {
    for (const name in resource) {
      const kind = kinds.get(name)
      if (!kind) continue
      const value = resource[name]
      if (value === null) delete resource[name]
      else if (!kind(value)) throw refusal(`unusable_${name}`)
      else if (kind === isObject) open.push(value as Record<string, unknown>)
      else if (kind === isObjects) for (const one of value as Record<string, unknown>[]) open.push(one)
    }
  }
}

function refusal(code: string): GuichetError {
  return new GuichetError('google_invalid_response', { cause: new CodedError(code) })
}
