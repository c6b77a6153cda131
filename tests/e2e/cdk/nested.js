// What cdk.nested beside this was made of: npm install aws-cdk-lib, then CDK_OUTDIR=cdk.nested node nested.js
const { App, Stack, NestedStack, CfnOutput, aws_dynamodb, aws_lambda, aws_sqs } = require("aws-cdk-lib");

const app = new App({ analyticsReporting: true });
const shop = new Stack(app, "Shop");
const queue = new aws_sqs.Queue(shop, "Work");

const data = new NestedStack(shop, "Data");
const table = new aws_dynamodb.TableV2(data, "Orders", { partitionKey: { name: "id", type: aws_dynamodb.AttributeType.STRING } });

const compute = new NestedStack(shop, "Compute");
const inner = new NestedStack(compute, "Inner");
const handler = new aws_lambda.Function(inner, "Handler", {
  runtime: aws_lambda.Runtime.NODEJS_20_X,
  handler: "index.handler",
  code: aws_lambda.Code.fromAsset("handler"),
  environment: { TABLE: table.tableName, QUEUE: queue.queueName },
});
table.grantReadWriteData(handler);
new CfnOutput(shop, "Handler", { value: handler.functionName });
new CfnOutput(shop, "Stack", { value: inner.stackName });
