package statuspage

import (
	"fmt"
	"net/netip"
	"slices"
)

// special are the blocks that lead to no public host, or through a translator
// to one that need not be public. They are those of the registries
// https://www.iana.org/assignments/iana-ipv4-special-registry and
// https://www.iana.org/assignments/iana-ipv6-special-registry, multicast, what
// is reserved, and those that were given up but are still routed in places.
var special = prefixes(
	"0.0.0.0/8",         // this network (RFC 791)
	"10.0.0.0/8",        // private (RFC 1918)
	"100.64.0.0/10",     // carriers' NATs, metadata services of some clouds (RFC 6598)
	"127.0.0.0/8",       // loopback
	"169.254.0.0/16",    // link-local, metadata services (RFC 3927)
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments (RFC 6890)
	"192.0.2.0/24",      // documentation (RFC 5737)
	"192.31.196.0/24",   // AS112 (RFC 7535)
	"192.52.193.0/24",   // AMT (RFC 7450)
	"192.88.99.0/24",    // 6to4 relays, given up (RFC 7526)
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112 (RFC 7534)
	"198.18.0.0/15",     // benchmarks (RFC 2544)
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, broadcast
	"::/96",             // unspecified, loopback, IPv4-compatible addresses (RFC 4291)
	"::ffff:0:0:0/96",   // IPv4-translated (RFC 2765)
	"64:ff9b::/96",      // NAT64 (RFC 6052)
	"64:ff9b:1::/48",    // NAT64 of one's own (RFC 8215)
	"100::/64",          // discard (RFC 6666)
	"100:0:0:1::/64",    // dummy prefix (RFC 9780)
	"2001::/23",         // protocol assignments, Teredo among them (RFC 2928)
	"2001:db8::/32",     // documentation (RFC 3849)
	"2002::/16",         // 6to4 (RFC 3056)
	"2620:4f:8000::/48", // AS112 (RFC 7534)
	"3fff::/20",         // documentation (RFC 9637)
	"5f00::/16",         // segment routing (RFC 9602)
	"fc00::/7",          // private (RFC 4193)
	"fe80::/10",         // link-local
	"fec0::/10",         // site-local, given up (RFC 3879)
	"ff00::/8",          // multicast
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// allowed is asked with the address that a name resolved to, just before it is
// connected to.
func allowed(address string, local bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to status page: %w", err)
	}
	ip := at.Addr().Unmap().WithZone("") // a prefix contains no address with a zone
	switch {
	case local && ip.IsLoopback():
		return nil
	case slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return fmt.Errorf("connect to status page: %s is not a public address", ip)
	}
	return nil
}
