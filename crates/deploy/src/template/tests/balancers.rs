//! What load balancers a template makes.

use triggers::balancer::{Action, Condition, Forwarded, Network, QueryPattern, Share};

use super::{only, resolved, said};
use crate::desired::{Balancer, Kind};

const HEAD: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Name: shop}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '404', MessageBody: nothing}}]
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {TargetType: lambda, Targets: [{Id: !GetAtt F.Arn}]}
";

fn balancer(rest: &str) -> Balancer {
    let desired = resolved(&format!("{HEAD}{rest}"));
    match &only(&desired, "Balancer").kind {
        Kind::Balancer(balancer) => balancer.clone(),
        other => panic!("{other:?}"),
    }
}

/// What is said about a rule with these properties.
fn rule(properties: &str) -> Vec<String> {
    let all = said(&format!(
        "{HEAD}  Rule:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: {{ListenerArn: !Ref Listener, {properties}}}\n"
    ));
    let without_place = |line: &String| line.split_once(' ').map(|(_, text)| text.to_owned());
    all.iter().filter_map(without_place).collect()
}

#[test]
fn pieces_become_one_balancer() {
    let made = balancer(
        "
  Weighted:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !GetAtt Listener.ListenerArn
      Priority: 20
      Conditions:
        - {Field: path-pattern, Values: ['/a/*']}
        - {Field: query-string, QueryStringConfig: {Values: [{Key: v, Value: '1'}, {Value: x*}]}}
        - {Field: source-ip, SourceIpConfig: {Values: [10.0.0.0/8]}}
      Actions:
        - Type: forward
          ForwardConfig: {TargetGroups: [{TargetGroupArn: !Ref Group, Weight: 3}, {TargetGroupArn: !Ref Lists, Weight: 1}]}
  First:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 3
      Conditions: [{Field: http-header, HttpHeaderConfig: {HttpHeaderName: x, Values: ['1']}}]
      Actions: [{Type: redirect, RedirectConfig: {StatusCode: HTTP_301, Protocol: HTTPS, Port: '443'}}]
  Lists:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      TargetType: lambda
      Targets: [{Id: !Ref Live}]
      TargetGroupAttributes: [{Key: lambda.multi_value_headers.enabled, Value: true}]
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref F, FunctionVersion: $LATEST, Name: live}
",
    );
    assert_eq!(made.name, "shop");
    assert_eq!(made.forwarded, Forwarded::Append);
    let [listener] = made.listeners.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!((listener.port, listener.secure), (80, false));
    let [first, weighted] = listener.rules.as_slice() else {
        panic!("{listener:?}");
    };
    assert!(
        matches!(&first.action, Action::Redirect(to) if to.path == "/#{path}" && to.port == "443")
    );
    assert_eq!(
        weighted.conditions,
        [
            Condition::Path(vec!["/a/*".into()]),
            Condition::Query(vec![
                QueryPattern {
                    name: Some("v".into()),
                    value: "1".into()
                },
                QueryPattern {
                    name: None,
                    value: "x*".into()
                },
            ]),
            Condition::Source(vec![Network {
                address: [10, 0, 0, 0].into(),
                bits: 8
            }]),
        ]
    );
    let [group, lists] = made.groups.as_slice() else {
        panic!("{made:?}");
    };
    assert!(group.id.starts_with(
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/shop-Group-"
    ));
    assert_eq!((group.function.as_deref(), group.lists), (Some("f"), false));
    assert_eq!(
        (lists.qualifier.as_deref(), lists.lists),
        (Some("live"), true)
    );
    let share = |group: &str, weight| Share {
        group: group.into(),
        weight,
    };
    assert_eq!(
        weighted.action,
        Action::Forward(vec![share(&group.id, 3), share(&lists.id, 1)])
    );
    let Action::Answer(answer) = &listener.otherwise else {
        panic!("{listener:?}");
    };
    assert_eq!((answer.status, answer.body.as_str()), (404, "nothing"));
}

#[test]
fn a_balancer_comes_after_its_functions_and_has_an_address() {
    let text = format!(
        "{HEAD}Outputs: {{Url: {{Value: !GetAtt Balancer.DNSName}}, Arn: {{Value: !Ref Listener}}}}\n"
    );
    let desired = resolved(&text);
    let value = |name: &str| {
        let found = desired.outputs.iter().find(|output| output.name == name);
        found.unwrap().value.clone()
    };
    let url = value("Url");
    let number = url.strip_prefix("shop-").unwrap();
    let (number, rest) = number.split_once('.').unwrap();
    assert_eq!((number.len(), rest), (10, "us-east-1.elb.amazonaws.com"));
    assert!(
        value("Arn")
            .starts_with("arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/shop/")
    );
    // A group that no rule leads to is nobody's.
    assert!(balancer("").groups.is_empty());
    let made = resolved(&text.replace(
        "{Type: fixed-response, FixedResponseConfig: {StatusCode: '404', MessageBody: nothing}}",
        "{Type: forward, TargetGroupArn: !Ref Group}",
    ));
    assert!(only(&made, "Balancer").depends_on.contains(&"F".to_owned()));
}

#[test]
fn what_no_balancer_here_does_is_refused() {
    let conditions = "Conditions: [{Field: path-pattern, Values: [/a]}]";
    let actions = "Actions: [{Type: forward, TargetGroupArn: !Ref Group}]";
    for (properties, message) in [
        (format!("{conditions}, {actions}"), "`Priority` is missing"),
        (
            format!(
                "Priority: 1, {conditions}, Actions: [{{Type: authenticate-oidc, AuthenticateOidcConfig: {{}}}}]"
            ),
            "actions of type `authenticate-oidc` are not supported yet",
        ),
        (
            format!(
                "Priority: 1, {conditions}, Actions: [{{Type: forward, TargetGroupArn: arn:other}}]"
            ),
            "`TargetGroupArn` must be a target group of this template",
        ),
        (
            format!(
                "Priority: 1, Conditions: [{{Field: path-pattern, Values: [a, b, c, d, e, f]}}], {actions}"
            ),
            "a rule has at most 5 values of conditions",
        ),
        (
            format!(
                "Priority: 1, Conditions: [{{Field: source-ip, SourceIpConfig: {{Values: [10.0.0.1]}}}}], {actions}"
            ),
            "`Values` must be addresses with their length, like 10.0.0.0/8",
        ),
        (
            format!(
                "Priority: 1, Conditions: [{{Field: path-pattern, Values: [a]}}, {{Field: path-pattern, Values: [b]}}], {actions}"
            ),
            "a rule has at most one `path-pattern`",
        ),
        (
            format!(
                "Priority: 1, Conditions: [{{Field: path-pattern, PathPatternConfig: {{RegexValues: [a]}}}}], {actions}"
            ),
            "`RegexValues` is not supported yet",
        ),
        (
            format!(
                "Priority: 1, {conditions}, Actions: [{{Type: redirect, RedirectConfig: {{StatusCode: HTTP_302}}}}]"
            ),
            "this redirect leads to where it comes from",
        ),
        (
            format!(
                "Priority: 1, {conditions}, Actions: [{{Type: fixed-response, FixedResponseConfig: {{StatusCode: 302}}}}]"
            ),
            "`StatusCode` must be a status of 2XX, 4XX or 5XX",
        ),
    ] {
        let found = rule(&properties);
        assert!(
            found.iter().any(|line| line == message),
            "{properties}: {found:?}"
        );
    }
    let group = |properties: &str| {
        said(&format!(
            "{HEAD}  Other:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: {{{properties}}}\n"
        ))
    };
    for (properties, message) in [
        (
            "Port: 80, Protocol: HTTP, VpcId: vpc",
            "target groups of type `instance` are not supported yet",
        ),
        (
            "TargetType: ip",
            "target groups of type `ip` are not supported yet",
        ),
        (
            "TargetType: lambda, Port: 80",
            "a target group of a function has no `Port`",
        ),
        (
            "TargetType: lambda, TargetGroupAttributes: [{Key: stickiness.enabled, Value: true}]",
            "a target group of a function has no attribute `stickiness.enabled`",
        ),
    ] {
        // So is a group that no rule leads to.
        assert!(
            group(properties).iter().any(|line| line.ends_with(message)),
            "{properties}: {:?}",
            group(properties)
        );
    }
    let twice = said(&format!(
        "{HEAD}  Again:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n    Properties: {{LoadBalancerArn: !Ref Balancer, Port: 80, Protocol: HTTP, DefaultActions: [{{Type: forward, TargetGroupArn: !Ref Group}}]}}\n"
    ));
    assert!(
        twice
            .iter()
            .any(|line| line.ends_with("two listeners of `Balancer` have port 80")),
        "{twice:?}"
    );
    let network = said(&HEAD.replace("{Name: shop}", "{Name: shop, Type: network}"));
    assert!(
        network
            .iter()
            .any(|line| line.ends_with("load balancers of type `network` are not supported yet")),
        "{network:?}"
    );
}

#[test]
fn a_network_around_a_balancer_is_named_and_not_made() {
    let network = "
  Net:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16, EnableDnsSupport: true}
  Sub:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, CidrBlock: !Select [0, !Cidr [!GetAtt Net.CidrBlock, 2, 8]], AvailabilityZone: !Select [0, !GetAZs '']}
  Wall:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Net
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: !GetAtt Net.CidrBlock}]
  Out:
    Type: AWS::EC2::InternetGateway
  Attached:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Out}
  Balanced:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Name: inside, Subnets: [!Ref Sub], SecurityGroups: [!GetAtt Wall.GroupId]}
Outputs:
  Net: {Value: !Ref Net}
  Block: {Value: !GetAtt Net.CidrBlock}
  Wall: {Value: !GetAtt Wall.GroupId}
  Default: {Value: !GetAtt Net.DefaultSecurityGroup}
  Within: {Value: !GetAtt Sub.VpcId}
  Part: {Value: !GetAtt Sub.CidrBlock}
  Zone: {Value: !GetAtt Sub.AvailabilityZone}
";
    let desired = resolved(&format!("{HEAD}{network}"));
    assert!(
        !desired
            .resources
            .iter()
            .any(|one| ["Net", "Sub", "Wall", "Out", "Attached"].contains(&&*one.logical_id))
    );
    let output = |name: &str| {
        let found = desired.outputs.iter().find(|output| output.name == name);
        found.unwrap().value.clone()
    };
    let net = output("Net");
    assert!(
        net.starts_with("vpc-") && net.len() == "vpc-".len() + 17,
        "{net}"
    );
    assert_eq!(output("Block"), "10.0.0.0/16");
    assert_eq!(output("Within"), net);
    assert_eq!(
        (output("Part"), output("Zone")),
        ("10.0.0.0/24".into(), "us-east-1a".into())
    );
    assert!(output("Wall").starts_with("sg-"));
    assert!(output("Default").starts_with("sg-") && output("Default") != output("Wall"));
    let notices: Vec<&str> = desired
        .notices
        .iter()
        .map(|notice| notice.message.as_str())
        .collect();
    for one in ["Net", "Sub", "Wall", "Out", "Attached"] {
        let said = format!("`{one}` has no effect here");
        assert!(notices.contains(&said.as_str()), "{notices:?}");
    }
}

#[test]
fn what_a_network_has_not_is_refused() {
    let all = said(&format!(
        "{HEAD}  Net:\n    Type: AWS::EC2::VPC\n    Properties: {{Cidr: 10.0.0.0/16}}\nOutputs: {{A: {{Value: !GetAtt Net.DefaultNetworkAcl}}}}\n"
    ));
    assert!(
        all.iter()
            .any(|line| line.contains("`AWS::EC2::VPC` has no property `Cidr`")),
        "{all:?}"
    );
    assert!(
        all.iter().any(|line| line.contains("DefaultNetworkAcl")),
        "{all:?}"
    );
}
