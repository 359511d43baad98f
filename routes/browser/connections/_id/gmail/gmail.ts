// The same routes stand under /v1 behind the other guard.
export { gmailRoutes as default } from '../../../../gmail/gmail.ts'
