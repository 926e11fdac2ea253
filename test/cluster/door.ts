// A process of its own: who comes to a port of this address is led to a server that listens on 127.0.0.1. Address, server's port, own port (0: any) in its arguments.
import { connect, createServer } from 'node:net';

const [host = '', to = '', port = ''] = process.argv.slice(2);
const door = createServer((client) => {
  const server = connect({ host: '127.0.0.1', port: Number(to) });
  const end = () => void [client.destroy(), server.destroy()];
  client.on('error', end).on('close', end).pipe(server).on('error', end).on('close', end).pipe(client);
});
door.listen(Number(port), host, () => process.send!((door.address() as { port: number }).port));
// It ends with the tests.
process.on('disconnect', () => process.exit(0));
