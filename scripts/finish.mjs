// Trunk's last step: hooks of one stage run side by side, so one runs both.
await import('./shrink.mjs')
await import('./offline.mjs')
