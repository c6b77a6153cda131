//! `AWS::EC2::*`, as far as templates declare it around a load balancer: networks, subnets, walls and the ways between them.
//! Nothing here runs in a network of one's own, so nothing is made of them, which is said. They have ids, by which others
//! in the template name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Context;
use crate::diagnostic::{Finding, Span};
use crate::names::fingerprint;
use crate::template::declared::{Attribute, Attributes};
use crate::template::shape::{Findings, Schema, Support};
use Support::{Access, Obeyed};

/// What a piece of a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Network,
    Subnet,
    Wall,
    RuleIn,
    RuleOut,
    Gateway,
    GatewayAttachment,
    RouteTable,
    Route,
    SubnetRouteTable,
    Address,
    NatGateway,
    Endpoint,
}

const WHY: &str = "there is no network of one's own; a load balancer is reached under its name";

/// None of it makes a difference to anything that runs here.
const RULE: [(&str, Support); 15] = [
    ("CidrIp", Obeyed),
    ("CidrIpv6", Obeyed),
    ("Description", Obeyed),
    ("DestinationPrefixListId", Obeyed),
    ("DestinationSecurityGroupId", Obeyed),
    ("FromPort", Obeyed),
    ("GroupId", Obeyed),
    ("GroupName", Obeyed),
    ("IpProtocol", Obeyed),
    ("SourcePrefixListId", Obeyed),
    ("SourceSecurityGroupId", Obeyed),
    ("SourceSecurityGroupName", Obeyed),
    ("SourceSecurityGroupOwnerId", Obeyed),
    ("Tags", Obeyed),
    ("ToPort", Obeyed),
];

impl Part {
    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Network => &[
                ("CidrBlock", Obeyed),
                ("EnableDnsHostnames", Obeyed),
                ("EnableDnsSupport", Obeyed),
                ("InstanceTenancy", Obeyed),
                ("Ipv4IpamPoolId", Obeyed),
                ("Ipv4NetmaskLength", Obeyed),
                ("Tags", Obeyed),
            ],
            Self::Subnet => &[
                ("AssignIpv6AddressOnCreation", Obeyed),
                ("AvailabilityZone", Obeyed),
                ("AvailabilityZoneId", Obeyed),
                ("CidrBlock", Obeyed),
                ("EnableDns64", Obeyed),
                ("Ipv4IpamPoolId", Obeyed),
                ("Ipv4NetmaskLength", Obeyed),
                ("Ipv6CidrBlock", Obeyed),
                ("Ipv6IpamPoolId", Obeyed),
                ("Ipv6Native", Obeyed),
                ("Ipv6NetmaskLength", Obeyed),
                ("MapPublicIpOnLaunch", Obeyed),
                ("OutpostArn", Obeyed),
                ("PrivateDnsNameOptionsOnLaunch", Obeyed),
                ("Tags", Obeyed),
                ("VpcId", Obeyed),
            ],
            Self::Wall => &[
                ("GroupDescription", Obeyed),
                ("GroupName", Obeyed),
                ("SecurityGroupEgress", Obeyed),
                ("SecurityGroupIngress", Obeyed),
                ("Tags", Obeyed),
                ("VpcId", Obeyed),
            ],
            Self::RuleIn | Self::RuleOut => &RULE,
            Self::Gateway => &[("Tags", Obeyed)],
            Self::GatewayAttachment => &[
                ("InternetGatewayId", Obeyed),
                ("VpcId", Obeyed),
                ("VpnGatewayId", Obeyed),
            ],
            Self::RouteTable => &[("Tags", Obeyed), ("VpcId", Obeyed)],
            Self::Route => &[
                ("CarrierGatewayId", Obeyed),
                ("DestinationCidrBlock", Obeyed),
                ("DestinationIpv6CidrBlock", Obeyed),
                ("DestinationPrefixListId", Obeyed),
                ("EgressOnlyInternetGatewayId", Obeyed),
                ("GatewayId", Obeyed),
                ("InstanceId", Obeyed),
                ("NatGatewayId", Obeyed),
                ("NetworkInterfaceId", Obeyed),
                ("RouteTableId", Obeyed),
                ("TransitGatewayId", Obeyed),
                ("VpcEndpointId", Obeyed),
                ("VpcPeeringConnectionId", Obeyed),
            ],
            Self::SubnetRouteTable => &[("RouteTableId", Obeyed), ("SubnetId", Obeyed)],
            Self::Address => &[
                ("Domain", Obeyed),
                ("InstanceId", Obeyed),
                ("NetworkBorderGroup", Obeyed),
                ("PublicIpv4Pool", Obeyed),
                ("Tags", Obeyed),
            ],
            Self::NatGateway => &[
                ("AllocationId", Obeyed),
                ("ConnectivityType", Obeyed),
                ("MaxDrainDurationSeconds", Obeyed),
                ("PrivateIpAddress", Obeyed),
                ("SecondaryAllocationIds", Obeyed),
                ("SecondaryPrivateIpAddressCount", Obeyed),
                ("SecondaryPrivateIpAddresses", Obeyed),
                ("SubnetId", Obeyed),
                ("Tags", Obeyed),
            ],
            Self::Endpoint => &[
                ("DnsOptions", Obeyed),
                ("IpAddressType", Obeyed),
                ("PolicyDocument", Access),
                ("PrivateDnsEnabled", Obeyed),
                ("ResourceConfigurationArn", Obeyed),
                ("RouteTableIds", Obeyed),
                ("SecurityGroupIds", Obeyed),
                ("ServiceName", Obeyed),
                ("ServiceNetworkArn", Obeyed),
                ("ServiceRegion", Obeyed),
                ("SubnetIds", Obeyed),
                ("Tags", Obeyed),
                ("VpcEndpointType", Obeyed),
                ("VpcId", Obeyed),
            ],
        }
    }

    pub(crate) fn attributes(self) -> Attributes {
        use Attribute::{Obeyed, Refused};
        match self {
            Self::Network => &[
                ("CidrBlock", Obeyed),
                ("CidrBlockAssociations", Refused(WHY)),
                ("DefaultNetworkAcl", Refused(WHY)),
                ("DefaultSecurityGroup", Obeyed),
                ("Ipv6CidrBlocks", Refused(WHY)),
                ("VpcId", Obeyed),
            ],
            Self::Subnet => &[
                ("AvailabilityZone", Obeyed),
                ("AvailabilityZoneId", Refused(WHY)),
                ("CidrBlock", Obeyed),
                ("Ipv6CidrBlocks", Refused(WHY)),
                ("NetworkAclAssociationId", Refused(WHY)),
                ("OutpostArn", Refused(WHY)),
                ("SubnetId", Obeyed),
                ("VpcId", Obeyed),
            ],
            Self::Wall => &[("GroupId", Obeyed), ("Id", Obeyed), ("VpcId", Obeyed)],
            Self::RuleIn | Self::RuleOut | Self::SubnetRouteTable => &[("Id", Obeyed)],
            Self::Gateway => &[("InternetGatewayId", Obeyed)],
            Self::GatewayAttachment => &[("AttachmentType", Refused(WHY))],
            Self::RouteTable => &[("RouteTableId", Obeyed)],
            Self::Route => &[("CidrBlock", Refused(WHY))],
            Self::Address => &[("AllocationId", Obeyed), ("PublicIp", Refused(WHY))],
            Self::NatGateway => &[("EniId", Refused(WHY)), ("NatGatewayId", Obeyed)],
            Self::Endpoint => &[
                ("CreationTimestamp", Refused(WHY)),
                ("DnsEntries", Refused(WHY)),
                ("Id", Obeyed),
                ("NetworkInterfaceIds", Refused(WHY)),
            ],
        }
    }

    /// The property that an attribute repeats.
    pub(crate) fn repeated(self, attribute: &str) -> Option<&'static str> {
        match (self, attribute) {
            (Self::Network | Self::Subnet, "CidrBlock") => Some("CidrBlock"),
            (Self::Subnet, "AvailabilityZone") => Some("AvailabilityZone"),
            (Self::Subnet | Self::Wall, "VpcId") => Some("VpcId"),
            _ => None,
        }
    }

    /// What ids begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Network => "vpc",
            Self::Subnet => "subnet",
            Self::Wall => "sg",
            Self::RuleIn | Self::RuleOut => "sgr",
            Self::Gateway => "igw",
            Self::GatewayAttachment => "attach",
            Self::RouteTable => "rtb",
            Self::Route => "route",
            Self::SubnetRouteTable => "rtbassoc",
            Self::Address => "eipalloc",
            Self::NatGateway => "nat",
            Self::Endpoint => "vpce",
        }
    }

    pub(crate) fn id(self, logical_id: &str, context: &Context) -> String {
        let parts = [&context.suffix, &context.stack, logical_id].map(str::as_bytes);
        format!("{}-{}", self.prefix(), tail(&parts))
    }

    /// An attribute of what has this id, which is told by nothing else.
    pub(crate) fn attribute(self, name: &str, id: &str) -> String {
        match (self, name) {
            (Self::Network, "DefaultSecurityGroup") => format!("sg-{}", tail(&[id.as_bytes()])),
            _ => id.to_owned(),
        }
    }
}

fn tail(parts: &[&[u8]]) -> String {
    fingerprint(parts)[..17].to_ascii_lowercase()
}

/// Says that nothing is made of it.
pub(crate) fn note(logical_id: &str, at: Span, findings: &Findings<'_>) {
    let message = format!("`{logical_id}` has no effect here");
    findings.report.add(Finding::notice(at, message).why(WHY));
}

/// Blocks of a block, from its first on, each with so many bits for hosts.
pub(crate) fn divide(block: &str, count: u32, host_bits: u32) -> Option<Vec<String>> {
    const MOST: u32 = 256;
    let (address, prefix) = block.split_once('/')?;
    let (address, prefix): (IpAddr, u32) = (address.parse().ok()?, prefix.parse().ok()?);
    let width: u32 = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let own = width.checked_sub(host_bits)?;
    let fits = own >= prefix
        && (1..=MOST).contains(&count)
        && 1_u128
            .checked_shl(own - prefix)
            .is_none_or(|most| u128::from(count) <= most);
    let block = |number: u32| {
        let offset = u128::from(number).checked_shl(host_bits)?;
        Some(match address {
            IpAddr::V4(address) => {
                let bits = u32::try_from(u128::from(address.to_bits()) + offset).ok()?;
                format!("{}/{own}", Ipv4Addr::from_bits(bits))
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits().checked_add(offset)?;
                format!("{}/{own}", Ipv6Addr::from_bits(bits))
            }
        })
    };
    fits.then(|| (0..count).map(block).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_divided() {
        let divided = |block, count, bits| divide(block, count, bits).unwrap_or_default();
        assert_eq!(
            divided("10.0.0.0/16", 3, 8),
            ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
        );
        assert_eq!(
            divided("10.0.0.0/24", 2, 7),
            ["10.0.0.0/25", "10.0.0.128/25"]
        );
        assert_eq!(
            divided("2001:db8::/56", 2, 64),
            ["2001:db8::/64", "2001:db8:0:1::/64"]
        );
        for (block, count, bits) in [
            ("10.0.0.0/24", 3, 7),
            ("10.0.0.0/24", 1, 9),
            ("10.0.0.0/24", 0, 4),
            ("10.0.0.0", 1, 4),
            ("10.0.0.0/8", 257, 8),
        ] {
            assert_eq!(divide(block, count, bits), None, "{block} {count} {bits}");
        }
    }
}
