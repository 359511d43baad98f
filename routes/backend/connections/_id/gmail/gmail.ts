// The same routes stand at the browser's door behind the other guard.
export { gmailRoutes as default } from '../../../../gmail/gmail.ts'
