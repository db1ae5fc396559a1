// One at a time: reservedConcurrency is 1.
exports.handler = async () => {
  console.log('cleaning up');
  return { removed: 0 };
};
