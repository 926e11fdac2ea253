// Hands a mail to a mail server by LMTP, as the post from outside arrives.
import SMTPConnection from 'nodemailer/lib/smtp-connection';

const TIMEOUT_MS = 30_000;

export async function deliverByLmtp(port: number, envelope: { from: string; to: string }, raw: Buffer | string): Promise<void> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port,
    lmtp: true,
    ignoreTLS: true,
    name: 'outside.test',
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.connect((error) => (error ? reject(error) : resolve()));
    });
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.send({ from: envelope.from, to: [envelope.to] }, raw, (error, info) => {
        if (error) return reject(error);
        const refused = info?.rejectedErrors?.[0];
        return refused ? reject(refused) : resolve();
      });
    });
  } finally {
    connection.close();
  }
}
