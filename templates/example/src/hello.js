// Answers through the function URL.
exports.handler = async (event) => {
  const name = (event.queryStringParameters || {}).name || 'world';
  console.log(`greeting ${name}`);
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: `${process.env.GREETING}, ${name}!`, stage: process.env.STAGE }),
  };
};
