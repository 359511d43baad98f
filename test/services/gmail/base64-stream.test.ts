import t from 'tap'
import { hasCode } from '../../../src/errors.ts'
import { base64Stream } from '../../../src/services/gmail/base64-stream.ts'

async function* inChunks(chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

async function decoded(chunks: readonly (string | Uint8Array)[]): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of base64Stream(inChunks(chunks), 'data')) parts.push(part)
  return Buffer.concat(parts)
}

/** Cut into pieces of that many bytes. */
function pieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size))
}

const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const answers = {
  'as Google writes it': `{\n  "size": 256,\n  "data": "${content.toString('base64url')}"\n}\n`,
  'with its id': `{"attachmentId":"ANGjdJ_x","size":256,"data":"${content.toString('base64url')}"}`,
  'data first': `{"data" : "${content.toString('base64url')}","size":256}`,
  'in standard base64': `{"size":256,"data":"${content.toString('base64')}"}`
}

t.test('attachments › an answer cut in two anywhere › the bytes are complete', async t => {
  for (const [name, answer] of Object.entries(answers)) {
    for (let at = 0; at <= answer.length; at++) {
      const bytes = await decoded([answer.slice(0, at), answer.slice(at)])
      if (!bytes.equals(content)) t.fail(`${name}, cut at ${at}`)
    }
    t.pass(name)
  }
})

t.test('attachments › pieces of any size › the bytes are complete', async t => {
  for (const [name, answer] of Object.entries(answers)) {
    for (let size = 1; size <= 40; size++) {
      if (!(await decoded(pieces(answer, size))).equals(content)) t.fail(`${name}, pieces of ${size}`)
    }
    t.pass(name)
  }
})

t.test('attachments › every length, also after bytes that are not ASCII › the bytes are complete', async t => {
  for (let length = 0; length < 20; length++) {
    const bytes = content.subarray(0, length)
    for (const base64 of [bytes.toString('base64url'), bytes.toString('base64')]) {
      const answer = Buffer.from(`{"filename":"é€🗝","data":"${base64}"}`)
      for (let at = 0; at <= answer.length; at++) {
        const out = await decoded([answer.subarray(0, at), answer.subarray(at)])
        if (!out.equals(bytes)) t.fail(`${length} bytes, cut at ${at}`)
      }
    }
  }
  t.pass()
})

t.test('attachments › an answer without data, cut short or spoilt is refused', async t => {
  const refused: Record<string, readonly string[]> = {
    nothing: [],
    empty: [''],
    'another object': ['{"size":3}'],
    'data that is no text': ['{"data":12}'],
    'no end': ['{"data":"AAAA'],
    'no end, in pieces': ['{"data":"', 'AAAA', 'AAAA'],
    'not base64': ['{"data":"AA*A"}'],
    'an escape': ['{"data":"AA\\u0041A"}'],
    html: ['<html>', 'x'.repeat(70_000)],
    'a long preamble': [`{"padding":"${'x'.repeat(70_000)}"`, ',"data":"AAAA"}']
  }
  for (const [name, chunks] of Object.entries(refused)) {
    const error = await decoded(chunks).catch((error: unknown) => error)
    t.ok(hasCode(error, 'google_invalid_response'), name)
  }
})
