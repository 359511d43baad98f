const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

/** Builds an element; strings among the children become text, never markup. */
export const el = (tag, properties, ...children) => {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children.filter(child => child !== undefined))
  return node
}
export const p = (className, ...children) => el('p', { className }, ...children)
export const unseen = text => el('span', { className: 'hidden' }, text)
export const link = (href, className, ...children) => el('a', { href, className: `button ${className}` }, ...children)
export const button = (onclick, className, ...children) =>
  el('button', { type: 'button', onclick, className }, ...children)
export const time = at => el('time', { dateTime: new Date(at).toISOString() }, dateTime.format(new Date(at)))
