package access

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

const (
	// iterations and saltLength are PostgreSQL's own.
	iterations = 4096
	saltLength = 16
)

// Verifier returns what PostgreSQL stores for a password (SCRAM-SHA-256, RFC 5803). If
// ALTER ROLE gets the verifier instead of the password, neither the server's log nor
// pg_stat_activity shows the password. The password must be ASCII.
func Verifier(password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return verifier(password, salt, iterations)
}

func verifier(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(mechanism+"%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(mac(salted, "Server Key"))), nil
}

const mechanism = "SCRAM-SHA-256$"

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
