// What cdk.out beside this was made of: npm install aws-cdk-lib, then CDK_OUTDIR=cdk.out node app.js
const { App, Stack, Duration, CfnOutput, aws_apigateway, aws_dynamodb, aws_lambda, aws_lambda_event_sources, aws_sqs } = require("aws-cdk-lib");

const app = new App({ analyticsReporting: true });

const data = new Stack(app, "Data");
const table = new aws_dynamodb.TableV2(data, "Orders", { partitionKey: { name: "id", type: aws_dynamodb.AttributeType.STRING } });
const dead = new aws_sqs.Queue(data, "Dead");
const queue = new aws_sqs.Queue(data, "Work", { deadLetterQueue: { queue: dead, maxReceiveCount: 1 }, visibilityTimeout: Duration.seconds(30) });

const shop = new Stack(app, "Shop", { stackName: "shop" });
const words = new aws_lambda.LayerVersion(shop, "Words", { code: aws_lambda.Code.fromAsset("layer") });
const handler = new aws_lambda.Function(shop, "Handler", {
  runtime: aws_lambda.Runtime.NODEJS_20_X,
  handler: "index.handler",
  code: aws_lambda.Code.fromAsset("handler"),
  layers: [words],
  environment: { TABLE: table.tableName, QUEUE: queue.queueUrl },
});
table.grantReadWriteData(handler);
const live = new aws_lambda.Alias(shop, "Live", { aliasName: "live", version: handler.currentVersion });
new aws_apigateway.LambdaRestApi(shop, "Api", { handler: live });
const worker = new aws_lambda.Function(shop, "Worker", {
  runtime: aws_lambda.Runtime.PYTHON_3_12,
  handler: "index.handler",
  code: aws_lambda.Code.fromInline("def handler(event, context):\n    print('worked on', event['Records'][0]['body'])\n"),
});
worker.addEventSource(new aws_lambda_event_sources.SqsEventSource(queue, { batchSize: 1 }));
new CfnOutput(shop, "Queue", { value: queue.queueUrl });
