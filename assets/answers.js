// Gradio's client reads the answers to all events from one stream. The server ends it when it has answered all it knows of,
// but the client counts on it until it hears so: the answer to an event sent just then waits for the next event, which
// opens another stream, and until then the page seems dead. Where events counted on a stream that has ended, the next one
// is made here, unless another comes first. All may have been answered: one too many changes nothing.
const PATIENCE = 200; // ms
const askGradio = window.fetch.bind(window);
let reading = 0; // streams that are open
let counting = false; // whether an event counts on one that was open before it

/** @param {AbortSignal | null | undefined} ended is how the client ends a stream */
function follow(ended) {
  reading++;
  counting = false; // all that waits comes with this one
  ended?.addEventListener("abort", () => {
    reading--;
    if (counting) setTimeout(() => { if (counting && !reading) document.getElementById("next-event")?.click(); }, PATIENCE);
  }, { once: true });
}

/** @type {typeof fetch} */
window.fetch = async (address, options) => {
  const asked = address instanceof Request ? address : null;
  const path = new URL(asked?.url ?? String(address), location.href).pathname;
  if (path.endsWith("/queue/data")) follow(asked?.signal ?? options?.signal);
  const answer = await askGradio(address, options);
  if (path.endsWith("/queue/join") && reading) counting = true;
  return answer;
};
