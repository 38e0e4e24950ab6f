/**
 * The frame's end of the channel that the page opens at each load. Only our own page is answered, and only once: the
 * document's `frame-ancestors` lets no other page hold it.
 *
 * @param {(greeting: object, send: (message: object) => void) => object} start
 *   gets the page's greeting and returns the object whose `on…` methods take the messages
 */
export function listen(start) {
  addEventListener("message", function greet({ data, origin, ports, source }) {
    if (source !== window.parent || origin !== location.origin || data?.type !== "stripe.connect") return;
    removeEventListener("message", greet);
    const [port] = ports;
    const frame = start(data, (message) => port.postMessage(message));
    port.onmessage = ({ data: message }) => receive(message, frame, port);
    port.postMessage({ type: "connected" });
  });
}

async function receive(message, frame, port) {
  const result = await frame[`on${message.type}`]?.(message);
  if (message.type === "call") port.postMessage({ type: "result", id: message.id, result });
}
