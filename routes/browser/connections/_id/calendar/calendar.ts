import { calendarRoutes } from '../../../../calendar.ts'

export default calendarRoutes({ own: true })
