package cluster

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// server is an API server with a few namespaces, by name.
func server(t *testing.T, namespaces map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer of-the-user" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`)
			return
		}
		uid, found := namespaces[filepath.Base(r.URL.Path)]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
			return
		}
		fmt.Fprintf(w, `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"uid":%q,"annotations":{"a":"b"}}}`, uid)
	}))
	t.Cleanup(s.Close)
	return s
}

// content is a kubeconfig with one context for each server.
func content(servers map[string]*httptest.Server, current, token string) string {
	text := "users: [{name: u, user: {token: " + token + "}}]\ncurrent-context: " + current + "\nclusters:\n"
	for name, s := range servers {
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		text += fmt.Sprintf("- {name: %s, cluster: {server: %q, certificate-authority-data: %s}}\n", name, s.URL, base64.StdEncoding.EncodeToString(ca))
	}
	text += "contexts:\n"
	for name := range servers {
		text += fmt.Sprintf("- {name: %s, context: {cluster: %s, user: u}}\n", name, name)
	}
	return text
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestConnectFollowsTheContext(t *testing.T) {
	servers := map[string]*httptest.Server{
		"blue": server(t, map[string]string{"kube-system": "uid-of-blue", "shop": "uid-of-shop"}), "green": server(t, map[string]string{"kube-system": "uid-of-green"}),
	}
	text := content(servers, "green", "of-the-user")
	for context, want := range map[string]string{"": "uid-of-green", "green": "uid-of-green", "blue": "uid-of-blue"} {
		for _, kubeconfig := range []string{file(t, text), text} {
			found, err := Connect(t.Context(), Target{Kubeconfig: kubeconfig, Context: context})
			require.NoError(t, err)
			require.Equal(t, want, found.ID())
		}
	}
	blue, err := Connect(t.Context(), Target{Kubeconfig: text, Context: "blue"})
	require.NoError(t, err)
	shop, err := blue.Namespace(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, &Object{UID: "uid-of-shop", Annotations: map[string]string{"a": "b"}}, shop)
	none, err := blue.Namespace(t.Context(), "none")
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestObjectsAreAskedFor(t *testing.T) {
	routes := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/v1/namespaces/kube-system":
			fmt.Fprint(w, `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"uid":"a"}}`)
		case "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/web":
			fmt.Fprint(w, `{"kind":"HTTPRoute","apiVersion":"gateway.networking.k8s.io/v1","status":{"parents":[]}}`)
		case "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes":
			fmt.Fprint(w, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":[`+
				`{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"web"}},`+
				`{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"api","deletionTimestamp":"2026-11-30T12:00:00Z"}}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	there, err := Connect(t.Context(), Target{Kubeconfig: content(map[string]*httptest.Server{"a": s}, "a", "of-the-user")})
	require.NoError(t, err)
	found, err := there.Metadata(t.Context(), routes, "shop")
	require.NoError(t, err)
	require.Equal(t, []Object{{Name: "web"}, {Name: "api", Deleted: true}}, found)
	objects, err := there.List(t.Context(), routes, "shop")
	require.NoError(t, err)
	require.Len(t, objects, 2)
	require.Equal(t, "web", objects[0]["metadata"].(map[string]any)["name"])
	_, err = there.List(t.Context(), routes, "away")
	require.ErrorContains(t, err, "httproutes of away: ")
	_, err = there.Metadata(t.Context(), routes, "away")
	require.ErrorContains(t, err, "httproutes of away: ")
	status, err := there.Status(t.Context(), routes, "shop", "web")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"parents": []any{}}, status)
	_, err = there.Status(t.Context(), routes, "shop", "none")
	require.ErrorContains(t, err, "httproutes shop/none: ")
}

func TestConnectWithoutKubeconfigTakesTheHomeFolders(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	require.NoError(t, os.Mkdir(filepath.Join(home, ".kube"), 0o700))
	text := content(map[string]*httptest.Server{"a": server(t, map[string]string{"kube-system": "of-home"})}, "a", "of-the-user")
	require.NoError(t, os.WriteFile(filepath.Join(home, ".kube", "other"), []byte(text), 0o600))
	found, err := Connect(t.Context(), Target{Kubeconfig: "~/.kube/other"})
	require.NoError(t, err)
	require.Equal(t, "of-home", found.ID())
}

// What cannot be told is an error, never an absent namespace.
func TestConnectFailsClosed(t *testing.T) {
	good := map[string]*httptest.Server{"a": server(t, map[string]string{"kube-system": "uid"})}
	gone := server(t, nil)
	gone.Close()
	for name, target := range map[string]Target{
		"no such file":     {Kubeconfig: "/no/such/file"},
		"two files":        {Kubeconfig: "/no/such/file:/nor/this"},
		"no such context":  {Kubeconfig: content(good, "a", "of-the-user"), Context: "b"},
		"refused":          {Kubeconfig: content(good, "a", "of-nobody")},
		"does not answer":  {Kubeconfig: content(map[string]*httptest.Server{"a": gone}, "a", "of-the-user")},
		"no kube-system":   {Kubeconfig: content(map[string]*httptest.Server{"a": server(t, nil)}, "a", "of-the-user")},
		"no uid":           {Kubeconfig: content(map[string]*httptest.Server{"a": server(t, map[string]string{"kube-system": ""})}, "a", "of-the-user")},
		"not a kubeconfig": {Kubeconfig: "{"},
	} {
		found, err := Connect(context.Background(), target)
		require.Error(t, err, name)
		require.Nil(t, found, name)
	}
}
