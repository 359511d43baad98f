// Relative to the page, wherever it is: under a path, or in another app.
window.SwaggerUIBundle({
  url: 'openapi.json',
  domNode: document.getElementById('docs'),
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  // Else it would send the description to a stranger's validator.
  validatorUrl: null
})
