// Command verify proves a Lotkin bundle with public modules of the transparency-log world alone:
// notes by golang.org/x/mod/sumdb/note, trees by github.com/transparency-dev/merkle.
//
//	verify BUNDLE.zip LOG-KEY [WITNESS-KEY ...]
//	verify consistency OLD-NOTE-FILE NEW-NOTE-FILE HASHES-FILE LOG-KEY
//
// It shares no code with the product. Exit status 0: everything holds; 1: the error names a file.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

const cosignature = 0x04

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify BUNDLE.zip LOG-KEY [WITNESS-KEY ...]")
		os.Exit(2)
	}
	var told string
	var err error
	if os.Args[1] == "consistency" {
		told, err = checkConsistency(os.Args[2:])
	} else {
		told, err = checkBundle(os.Args[1], os.Args[2], os.Args[3:])
	}
	if err != nil {
		fmt.Println("WRONG", err)
		os.Exit(1)
	}
	fmt.Println("OK", told)
}

// checkpoint is what a log's signed note says.
type checkpoint struct {
	origin string
	size   uint64
	root   []byte
}

// open returns the checkpoint of a note that every given key has signed.
func open(told []byte, keys ...string) (checkpoint, error) {
	var verifiers []note.Verifier
	for _, key := range keys {
		verifier, err := newVerifier(key)
		if err != nil {
			return checkpoint{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(told, note.VerifierList(verifiers...))
	if err != nil {
		return checkpoint{}, err
	}
	if len(opened.Sigs) != len(keys) {
		return checkpoint{}, fmt.Errorf("signed by %d of %d keys", len(opened.Sigs), len(keys))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return checkpoint{}, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return checkpoint{}, err
	}
	if lines[0] != verifiers[0].Name() {
		return checkpoint{}, errors.New("the origin is not the log's name")
	}
	return checkpoint{lines[0], size, root}, nil
}

// newVerifier knows, beside the notes' own kind of key, cosignature/v1 of C2SP tlog-cosignature.
func newVerifier(key string) (note.Verifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) == 3 {
		raw, err := base64.StdEncoding.DecodeString(parts[2])
		if err == nil && len(raw) == 1+ed25519.PublicKeySize && raw[0] == cosignature {
			digest := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
			hash := binary.BigEndian.Uint32(digest[:4])
			if fmt.Sprintf("%08x", hash) != parts[1] {
				return nil, errors.New("not a verifier key")
			}
			return witness{parts[0], hash, ed25519.PublicKey(raw[1:])}, nil
		}
	}
	return note.NewVerifier(key)
}

type witness struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }

func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature[:8])
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(w.public, []byte(message), signature[8:])
}

func checkBundle(path, log string, witnesses []string) (string, error) {
	files, err := unzip(path)
	if err != nil {
		return "", err
	}
	told, err := open(files["checkpoint.txt"], append([]string{log}, witnesses...)...)
	if err != nil {
		return "", fmt.Errorf("checkpoint.txt: %w", err)
	}
	var names []string
	for name := range files {
		if strings.HasPrefix(name, "entries/") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		place := strings.TrimSuffix(strings.TrimPrefix(name, "entries/"), ".json")
		if err := checkEntry(files, place, told); err != nil {
			return "", fmt.Errorf("entry %s: %w", place, err)
		}
	}
	if len(names) == 0 {
		return "", errors.New("no entries")
	}
	return fmt.Sprintf("%d entries of %s", len(names), told.origin), nil
}

func checkEntry(files map[string][]byte, place string, told checkpoint) error {
	entry := files["entries/"+place+".json"]
	head, signed, found := strings.Cut(string(files["proofs/"+place+".tlog-proof"]), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	if signed != string(files["checkpoint.txt"]) {
		return errors.New("a proof under another checkpoint")
	}
	index, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	if place != strconv.FormatUint(index+1, 10) {
		return errors.New("a proof of another place")
	}
	hashes, err := decode(lines[2:])
	if err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	hasher := rfc6962.DefaultHasher
	if err := proof.VerifyInclusion(hasher, index, told.size, leaf, hashes, told.root); err != nil {
		return err
	}
	return checkBody(files, entry, place)
}

func checkBody(files map[string][]byte, entry []byte, place string) error {
	body, disclosed := files["bodies/"+place+".json"]
	if !disclosed {
		return nil
	}
	var read struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(entry, &read); err != nil {
		return err
	}
	salt, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(files["salts/"+place+".txt"])))
	if err != nil {
		return err
	}
	want, err := base64.RawURLEncoding.DecodeString(read.Body)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(append(salt, body...))
	if !bytes.Equal(digest[:], want) {
		return errors.New("the body is not the one the entry commits to")
	}
	return nil
}

func checkConsistency(arguments []string) (string, error) {
	if len(arguments) != 4 {
		return "", errors.New("consistency OLD NEW HASHES LOG-KEY")
	}
	var notes [3][]byte
	for place, path := range arguments[:3] {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		notes[place] = content
	}
	before, err := open(notes[0], arguments[3])
	if err != nil {
		return "", err
	}
	after, err := open(notes[1], arguments[3])
	if err != nil {
		return "", err
	}
	hashes, err := decode(strings.Fields(string(notes[2])))
	if err != nil {
		return "", err
	}
	hasher := rfc6962.DefaultHasher
	err = proof.VerifyConsistency(hasher, before.size, after.size, hashes, before.root, after.root)
	return fmt.Sprintf("%d entries extend %d", after.size, before.size), err
}

func decode(lines []string) ([][]byte, error) {
	var hashes [][]byte
	for _, line := range lines {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func unzip(path string) (map[string][]byte, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		content, err := io.ReadAll(reader)
		reader.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		files[file.Name] = content
	}
	return files, nil
}
