// Lets the page be opened again without a network, and says when a newer version is there.

// Tests that hold the page still do not want a second party at work; those about this ask for it.
const search = new URLSearchParams(location.search)
const wanted = 'serviceWorker' in navigator && (!search.has('testing') || search.has('offline'))

/** Says that a newer version waits. */
function tell(worker) {
  if (document.querySelector('.update')) return
  const bar = document.createElement('div')
  bar.className = 'update'
  bar.setAttribute('role', 'status')
  const button = (text, act) => {
    const made = document.createElement('button')
    made.type = 'button'
    made.className = 'quiet'
    made.textContent = text
    made.addEventListener('click', act)
    return made
  }
  const reload = button('Reload', () => {
    // Another tab may have let it take over already.
    if (worker.state !== 'installed') return location.reload()
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
    worker.postMessage('take over')
  })
  bar.append('A newer version of Railyard is there. ', reload, button('Later', () => bar.remove()))
  document.body.append(bar)
}

async function register() {
  try {
    const registration = await navigator.serviceWorker.register('service-worker.js')
    const look = () => {
      const worker = registration.installing
      worker?.addEventListener('statechange', () => {
        if (worker.state === 'installed' && navigator.serviceWorker.controller) tell(worker)
      })
    }
    if (registration.waiting && navigator.serviceWorker.controller) tell(registration.waiting)
    look()
    registration.addEventListener('updatefound', look)
  } catch {
    // Private windows and full disks: the page works, but only with a network.
  }
}

// Not before the page stands: what is kept for later must not delay what is looked at now.
const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200))
if (wanted) addEventListener('load', () => setTimeout(() => idle(register), search.has('testing') ? 0 : 3000))
