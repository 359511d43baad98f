const { to, outcome } = document.getElementById('outcome').dataset
// No opener: the flow ran in a whole page, or the app's Cross-Origin-Opener-Policy cut the popup off. The page says the rest.
if (window.opener) {
  window.opener.postMessage(JSON.parse(outcome), to)
  window.close()
}
