// Tells an outage of the database or the keyring (wait and try again) from an error in what was asked of it.

const outageClasses = ['08', '40', '53', '57', '55P03'];
const outagePrisma = ['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034'];
/** A transaction that took so long that it was rolled back, or a key that this process was not given: what was asked of it may be right. */
const outageOwn = ['TRANSACTION_OVER', 'KEK_OTHER'];
const outageNode = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

/** Looks through causes and Prisma's wrappers: SQLSTATE classes 08, 40, 53, 57 and lost connections are outages. */
export function isOutage(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 5) return false;
  const { code, originalCode, cause, meta, message } = error as Record<string, unknown>;
  for (const one of [code, originalCode]) {
    if (typeof one !== 'string') continue;
    if (
      outagePrisma.includes(one) ||
      outageNode.includes(one) ||
      outageOwn.includes(one) ||
      outageClasses.some((start) => one.startsWith(start))
    )
      return true;
  }
  if (typeof message === 'string' && /Connection terminated|Connection closed|timeout exceeded when trying to connect/i.test(message))
    return true;
  return isOutage(cause, depth + 1) || isOutage((meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError, depth + 1);
}
