/**
 * Many suites run real servers, sockets and databases beside each other. What a busy machine holds up once is tried once more and
 * logged; what is wrong fails twice.
 */
jest.retryTimes(1, { logErrorsBeforeRetry: true });
