package component

import "net/netip"

// Public tells whether a proxied DNS record may lead to the address: Cloudflare refuses what
// its edge cannot reach ("not allowed for a proxied record", 9003).
func Public(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" }
