// A transaction of this service's own database.
import type { Prisma } from './generated/client.js';

export type Tx = Prisma.TransactionClient;
