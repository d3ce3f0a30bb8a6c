package profilecache

import (
	"bytes"
	"crypto/sha256"
	"hash/crc32"
	"strconv"
)

// slots are how many groups the keys fall into.
const slots = 16384

// slotOf a key: its CRC-32, as zlib has it, modulo slots.
func slotOf(key string) int { return int(crc32.ChecksumIEEE([]byte(key)) % slots) }

// spread gives each slot to the server i of n whose SHA-256 of "<slot>/<i>" is the largest:
// rendezvous hashing. A further server takes slots from all others, and no other slot
// moves, on which a change of the number relies. docs/cache.md has the rule for
// services in other languages.
func spread(n int) []uint8 {
	table := make([]uint8, slots)
	for slot := range table {
		var largest []byte
		for i := range n {
			sum := sha256.Sum256([]byte(strconv.Itoa(slot) + "/" + strconv.Itoa(i)))
			if bytes.Compare(sum[:], largest) > 0 {
				largest, table[slot] = sum[:], uint8(i)
			}
		}
	}
	return table
}
