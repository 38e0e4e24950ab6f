import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';

import Stripe from 'stripe';

import { stripe } from './stripe.mjs';

// Listen, and yield each delivery as it came over the wire.
async function listen() {
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.end('{}');
    server.emit('delivery', { body: Buffer.concat(chunks), signature: request.headers['stripe-signature'] });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

test('a delivered event is verified with the endpoint’s secret, and with no other', async (t) => {
  const server = await listen();
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/stripe`;
  const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: ['customer.created'] });
  const delivered = once(server, 'delivery');
  const customer = await stripe.customers.create({ name: 'Zoë' });
  const [{ body, signature }] = await delivered;

  const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
  assert.deepEqual([event.type, event.data.object.id, event.api_version], ['customer.created', customer.id, Stripe.API_VERSION]);
  assert.deepEqual((await stripe.events.retrieve(event.id)).data, event.data);
  assert.equal((await stripe.webhooks.constructEventAsync(body, signature, endpoint.secret)).id, event.id);

  const { StripeSignatureVerificationError } = Stripe.errors;
  assert.throws(() => stripe.webhooks.constructEvent(body, signature, 'whsec_other'), StripeSignatureVerificationError);
  const forged = Buffer.from(body.toString().replace(customer.id, 'cus_of_somebody_else'));
  assert.throws(() => stripe.webhooks.constructEvent(forged, signature, endpoint.secret), StripeSignatureVerificationError);
});
