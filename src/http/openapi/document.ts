/** An OpenAPI 3.1 document, as far as it is read and completed here. */
export interface OpenapiDocument {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema>; responses?: Record<string, Answer> }
  tags?: { name: string; description: string }[]
}

export interface Operation {
  operationId?: string
  tags?: string[]
  security?: Record<string, unknown>[]
  parameters?: object[]
  requestBody?: { required?: boolean; content?: Record<string, Content> }
  responses: Record<string, Answer | { $ref: string }>
}

export interface Content {
  schema?: Schema
  example?: unknown
}

export interface Answer {
  description: string
  headers?: Record<string, object>
  content?: Record<string, Content>
}

/** JSON Schema, as far as zod writes it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  format?: string
  pattern?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  minimum?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}
