import { hasPrivateHost, isPrivateAddress } from "../../src/media/private-address";

test.each([
  ...[
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
  ],
  ...["100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
  ...["::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1"],
  ...["2002:7f00:1::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001::1"],
  ...["", "nonsense", "1.2.3", "localhost"],
])("%s is private", (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test.each(["8.8.8.8", "172.32.0.1", "169.253.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"])(
  "%s is public",
  (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  },
);

test.each([
  ...[
    "http://127.0.0.1/a",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://①②⑦.0.0.1/",
  ],
  ...["http://[::1]:8080/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1]/", "https://user@10.0.0.1/"],
  ...[
    "http://localhost/",
    "http://localhost./",
    "http://api.LOCALHOST/",
    "http://printer.local/",
    "http://x.internal/",
  ],
  ...["http://router.home.arpa/", "http://intranet/"],
])("%s has a private host", (url) => {
  expect(hasPrivateHost(url)).toBe(true);
});

test.each(["https://files.example/a", "http://8.8.8.8/", "http://[2606:4700::1111]/", "https://local.example/"])(
  "%s has a public host",
  (url) => {
    expect(hasPrivateHost(url)).toBe(false);
  },
);
