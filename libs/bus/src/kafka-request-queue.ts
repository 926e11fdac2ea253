// kafkajs 2.2.4 looks through its queue of requests every millisecond for as long as a connection lives, since it arms its timer with a time that has
// passed (its issues 1704 and 1751): 3 % of a processor for a process at rest. Where nothing is queued there is nothing to look for; what is queued later
// arms the timer itself.
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;

RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
};
