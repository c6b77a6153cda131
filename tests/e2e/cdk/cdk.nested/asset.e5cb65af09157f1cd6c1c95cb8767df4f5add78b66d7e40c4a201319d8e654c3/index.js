exports.handler = async () => process.env.TABLE + " " + process.env.QUEUE
