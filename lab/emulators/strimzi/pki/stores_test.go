package pki

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustStore(t *testing.T) {
	_, one := authority(t, "cluster-ca")
	_, two := authority(t, "cluster-ca")
	both := map[string][]byte{"ca.crt": one, "ca-2026.crt": two}
	store, err := TrustStore(both, "password")
	require.NoError(t, err)
	require.True(t, InTrustStore(store, "password", both))
	require.False(t, InTrustStore(store, "another", both))
	require.False(t, InTrustStore(store, "password", map[string][]byte{"ca.crt": one}), "one too many")
	_, third := authority(t, "cluster-ca")
	require.False(t, InTrustStore(store, "password", map[string][]byte{"ca.crt": one, "x": third}))
	require.False(t, InTrustStore(nil, "", both))
	_, err = TrustStore(map[string][]byte{"ca.crt": []byte("x")}, "password")
	require.ErrorContains(t, err, "not PEM")
}

func TestKeyStore(t *testing.T) {
	a, _ := authority(t, "clients-ca")
	pair, err := a.Issue(Internal("email"), nil)
	require.NoError(t, err)
	other, err := a.Issue(Internal("email"), nil)
	require.NoError(t, err)
	store, err := KeyStore(pair, "password")
	require.NoError(t, err)
	require.True(t, InKeyStore(store, "password", pair))
	require.False(t, InKeyStore(store, "another", pair))
	require.False(t, InKeyStore(store, "password", other))
	for message, bad := range map[string]Pair{"certificate is not PEM": {}, "key is not PEM": {Certificate: pair.Certificate}} {
		_, err = KeyStore(bad, "password")
		require.ErrorContains(t, err, message)
	}
}

func TestBundle(t *testing.T) {
	_, one := authority(t, "a")
	_, two := authority(t, "b")
	require.Equal(t, string(one)+string(two), string(Bundle(one, two)))
	require.Equal(t, string(one), string(Bundle(one, []byte("no certificate"))))
}

func TestExpiry(t *testing.T) {
	_, certificate := authority(t, "a")
	end, err := Expiry(certificate)
	require.NoError(t, err)
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$`, end)
	_, err = Expiry(nil)
	require.Error(t, err)
}

func TestPasswordLength(t *testing.T) { require.Len(t, NewPassword(), 12) }
