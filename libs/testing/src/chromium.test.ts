// The browser opens a page of this machine.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startBrowser } from './chromium.js';
import { portOf } from './tcp-proxy.js';

test('a page is opened and read', async () => {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<h1>Hello</h1>'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using town = await startBrowser();
  const page = await town.newPage();
  await page.goto(`http://127.0.0.1:${portOf(server)}/`);
  expect(await page.getByRole('heading').textContent()).toBe('Hello');
  await page.context().close();
  server.closeAllConnections();
  server.close();
});
