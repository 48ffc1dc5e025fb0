// A training worker: takes the address of the page's script and the page's compiled program, and starts it.
onmessage = async ({ data: [script, module] }) => {
  onmessage = null
  try {
    const { default: start } = await import(script)
    await start({ module_or_path: module })
  } catch (error) {
    reportError(error)
  }
}
