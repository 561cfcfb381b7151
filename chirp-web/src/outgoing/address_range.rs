use std::net::IpAddr;
use std::str::FromStr;

use super::address_rules::unmapped;

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Returns `true` if an address, which is [unmapped], is in the range.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && start(address, self.prefix) == self.first
    }
}

/// Returns the address with the bits behind the prefix cleared.
fn start(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for AddressRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| "write it as 10.0.0.0/8")?;
        if unmapped(first) != first {
            return Err("addresses are judged by the IPv4 address in them: write that one");
        }
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) if !prefix.starts_with('+') => prefix.parse().unwrap_or(u8::MAX),
            Some(_) => u8::MAX,
        };
        if prefix > bits {
            return Err("the number of bits is at most 32 for IPv4 and 128 for IPv6");
        }
        if start(first, prefix) != first {
            return Err("the address has bits behind the prefix");
        }
        Ok(Self { first, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_the_addresses_with_its_prefix() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("::/0", "fd00::1", "8.8.8.8"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1/128", "::1", "::2"),
        ] {
            let range: AddressRange = range.parse().expect(range);
            assert!(range.contains(inside.parse().expect("an address")));
            assert!(!range.contains(outside.parse().expect("an address")));
        }
    }

    #[test]
    fn nonsense_is_no_range() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10/8",
            "host/8",
            "fd00::/129",
            "::ffff:10.0.0.0/104",
            "64:ff9b::/96",
        ] {
            let _ = text.parse::<AddressRange>().expect_err(text);
        }
    }
}
