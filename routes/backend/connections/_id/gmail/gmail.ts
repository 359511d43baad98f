import { gmailRoutes } from '../../../../gmail.ts'

export default gmailRoutes({ own: false })
