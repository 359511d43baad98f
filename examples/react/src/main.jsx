import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { guichet, useGuichet } from './use-guichet.js'

function App() {
  const { isLoading, user, connections, error } = useGuichet()
  const [problem, setProblem] = useState(null)
  const attempt = action => () => {
    setProblem(null)
    action().catch(setProblem)
  }
  if (isLoading) return <p role="status">…</p>
  return (
    <main>
      <h1>My mail</h1>
      <p role="status">{user ? `You are ${user.name ?? user.email}.` : 'You are not signed in.'}</p>
      {(error ?? problem) && <p role="alert">{(error ?? problem).message}</p>}
      {connections.map(connection => (
        <section key={connection.id}>
          <h2>
            {connection.account.email}: {connection.status}
          </h2>
          {connection.status !== 'active' && (
            <button
              type="button"
              onClick={attempt(() => guichet.connect('gmail', { popup: true, connectionId: connection.id }))}
            >
              Reconnect
            </button>
          )}
          <button type="button" onClick={attempt(() => guichet.disconnect(connection.id))}>
            Disconnect
          </button>
          <Mail id={connection.id} />
        </section>
      ))}
      <button type="button" onClick={attempt(() => guichet.connect('gmail', { popup: true }))}>
        Connect Gmail
      </button>
    </main>
  )
}

function Mail({ id }) {
  const [items, setItems] = useState([])
  useEffect(() => {
    guichet
      .gmail(id)
      .list({ view: 'summary', limit: 5 })
      .then(page => setItems(page.items), console.error)
  }, [id])
  return (
    <ul>
      {items.map(mail => (
        <li key={mail.id}>{mail.subject}</li>
      ))}
    </ul>
  )
}

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <App />
  </StrictMode>
)
