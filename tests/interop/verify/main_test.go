package main

import (
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// The example of the note package's own documentation.
const (
	publishedKey  = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	publishedNote = "If you think cryptography is the answer to your problem,\n" +
		"then you don't know what your problem is.\n\n" +
		"— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

func TestPublishedNote(t *testing.T) {
	verifier, err := newVerifier(publishedKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(publishedNote), note.VerifierList(verifier)); err != nil {
		t.Fatal(err)
	}
}

func TestForeignWitnessKeyIsRefused(t *testing.T) {
	if _, err := newVerifier("witness.example+00000000+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"); err == nil {
		t.Fatal("a key whose hash is wrong was taken")
	}
}
