-- The vpki store as schema version 3 had it.
BEGIN;
CREATE TABLE certificates (
     serial TEXT PRIMARY KEY,
     key_id TEXT NOT NULL UNIQUE,
     type TEXT NOT NULL,
     name_key TEXT NOT NULL,
     dn TEXT NOT NULL,
     issuer TEXT NOT NULL,
     not_before BIGINT NOT NULL,
     not_after BIGINT NOT NULL,
     certificate TEXT NOT NULL,
     revoked_at BIGINT
   , crl TEXT NOT NULL DEFAULT '', reason INTEGER, listed BIGINT);
CREATE TABLE idempotency (
     key TEXT PRIMARY KEY,
     request TEXT NOT NULL,
     serial TEXT REFERENCES certificates (serial),
     at BIGINT NOT NULL
   );
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL,
    hash TEXT NOT NULL
  );
CREATE TABLE audit_head (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
  );
CREATE TABLE crl_numbers (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (ca, crl)
  );
CREATE TABLE crl_addresses (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    url TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (ca, crl, url)
  );
CREATE TABLE crls (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    addresses TEXT NOT NULL,
    der TEXT NOT NULL,
    PRIMARY KEY (ca, crl, number)
  );
INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, not_before, not_after, certificate, revoked_at, crl, reason, listed) VALUES ('4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb', 'fdbe755d519c697ed7c5a38abcc7e20b9d46563308fd5bbb67952d1c3a3a89ca', 'prov-15118-2', '[["DC","oem"],["O","hkmc"],["OU","ecc"],["OU","c001"],["OU","p001"],["CN","km87w4pzt0a1895086"]]', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM', 'CA01001', 1795341021000, 2742130799000, 'MIICsDCCAlWgAwIBAgIUT23E9j+oPyDHVcDYsqZ4Dz166/swCgYIKoZIzj0EAwIwPDELMAkGA1UEBhMCS1IxDTALBgNVBAoMBEhLTUMxDDAKBgNVBAsMA0VDQzEQMA4GA1UEAwwHQ0EwMTAwMTAgFw0yNjExMjIwOTUwMjFaGA8yMDU2MTEyMjE0NTk1OVowbTETMBEGCgmSJomT8ixkARkWA09FTTENMAsGA1UECgwESEtNQzEMMAoGA1UECwwDRUNDMQ0wCwYDVQQLDARDMDAxMQ0wCwYDVQQLDARQMDAxMRswGQYDVQQDDBJLTTg3VzRQWlQwQTE4OTUwODYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASeWUi8Z49LP6nmMSUhulCeVKhxdD8mE4Ud/hDTyddOdi+umfzHFoylybLsz8gldB6A8ebVxKuvU0SKl3UVz6fro4IBADCB/TAfBgNVHSMEGDAWgBTApRrkQ7cTHPlU1kYK+1Gf0CWdCTAdBgNVHQ4EFgQUBBimmZC6YJI66VJu9S19kszgoFowDgYDVR0PAQH/BAQDAgOIMBEGA1UdIAQKMAgwBgYEVR0gADAMBgNVHRMBAf8EAjAAMEUGA1UdHwQ+MDwwOqA4oDaGNGh0dHA6Ly8xMjcuMC4wLjE6NDAwNzkvRUNDL0NBMDEwMDEvY3JsL0NybDFwMURwNC5jcmwwQwYIKwYBBQUHAQEENzA1MDMGCCsGAQUFBzABhidodHRwOi8vMTI3LjAuMC4xOjQwMDc5L0VDQy9PQ1NQL0NBMDEwMDEwCgYIKoZIzj0EAwIDSQAwRgIhAMOiAXpSmHDl3nI9Ero5q5w29dDchgVUWxlqa7zFoUJEAiEAsTZA4bQ7cIJ/WP/KkiwZ6/sYRcivX65a3TipJsyDVwo=', 1795341081000, 'Crl1p1Dp4.crl', NULL, NULL);
INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, not_before, not_after, certificate, revoked_at, crl, reason, listed) VALUES ('7cf216ded41739921493dc77b1cda0b1a4d9aafe', '96061751eeec9a67e6b7c3ce488d3904497e72f126f19189418e9e95504c769d', 'prov-15118-20', '[["DC","oem20"],["O","hkmc"],["OU","ecc"],["OU","c001"],["OU","p001"],["CN","km87w4pzt0a1895086"]]', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20', 'CA05003', 1795341021000, 2742130799000, 'MIIC6DCCAkmgAwIBAgIUfPIW3tQXOZIUk9x3sc2gsaTZqv4wCgYIKoZIzj0EAwQwRDELMAkGA1UEBhMCS1IxDTALBgNVBAoMBEhLTUMxEDAOBgNVBAsMB0VDQyBERVYxFDASBgNVBAMMC0NBMDUwMDMgREVWMCAXDTI2MTEyMjA5NTAyMVoYDzIwNTYxMTIyMTQ1OTU5WjBvMRUwEwYKCZImiZPyLGQBGRYFT0VNMjAxDTALBgNVBAoMBEhLTUMxDDAKBgNVBAsMA0VDQzENMAsGA1UECwwEQzAwMTENMAsGA1UECwwEUDAwMTEbMBkGA1UEAwwSS004N1c0UFpUMEExODk1MDg2MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBkhg1Hw5/bHRwg5ywIdRzwwPK/cNS9hnUXTb8MYmHsNA4r2pVPNZNWbpLCgAx4xsnIuKxQdM8Xk9S1zG7A+JTd5kBcmgPqnz8hQwpt0+KmJW6kA9ZCYgqV4MPWRJC2s64cFTpCaUKsrrz8wqR0Z+posYoPJaF9T6fj8ovmv1LpnkNWNajgagwgaUwHwYDVR0jBBgwFoAUF19GyXZJ2qZjje0fkiHZJOj4sDAwHQYDVR0OBBYEFAyRzPkb0ym1KplUjz8uGRkAThQjMA4GA1UdDwEB/wQEAwIDiDAMBgNVHRMBAf8EAjAAMEUGA1UdHwQ+MDwwOqA4oDaGNGh0dHA6Ly8xMjcuMC4wLjE6NDAwNzkvRUNDL0NBMDUwMDMvY3JsL0NybDFwMURwMS5jcmwwCgYIKoZIzj0EAwQDgYwAMIGIAkIA9sW8oI1/QhnkU47NrxztZayKIKo+ZpMYtJiqr0qIeHJpvmrudf67dHDZKEs9mozw6Y0mVOrIvil2iUHdElnhbw8CQgHHilHiYm47AevHgQebfEkIDmgrJ9AsBoWYwMpe7b461nPwExYSynmgBJQ4UPjd6Z1Qw8jkQgFgOJkdvX2Z7VOHXQ==', NULL, 'Crl1p1Dp1.crl', NULL, NULL);
INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, not_before, not_after, certificate, revoked_at, crl, reason, listed) VALUES ('7f5190423af10932948ac4a2372820915babaa52', '206c7c5cdf33d1c7bd353d5d7a13cbecd7bcff085660bb81dc7641171f84d822', 'vehicle-15118-20', '[["DC","ev"],["O","hkmc"],["OU","ecc"],["OU","c001"],["OU","p001"],["CN","km77bsa0uzcj8uvu3094"]]', 'cn=KM77BSA0UZCJ8UVU3094,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV', 'CA05003', 1795341021000, 2742130799000, 'MIIDDDCCAm2gAwIBAgIUf1GQQjrxCTKUisSiNyggkVurqlIwCgYIKoZIzj0EAwQwRDELMAkGA1UEBhMCS1IxDTALBgNVBAoMBEhLTUMxEDAOBgNVBAsMB0VDQyBERVYxFDASBgNVBAMMC0NBMDUwMDMgREVWMCAXDTI2MTEyMjA5NTAyMVoYDzIwNTYxMTIyMTQ1OTU5WjBuMRIwEAYKCZImiZPyLGQBGRYCRVYxDTALBgNVBAoMBEhLTUMxDDAKBgNVBAsMA0VDQzENMAsGA1UECwwEQzAwMTENMAsGA1UECwwEUDAwMTEdMBsGA1UEAwwUS003N0JTQTBVWkNKOFVWVTMwOTQwgZswEAYHKoZIzj0CAQYFK4EEACMDgYYABAGNdyPz50phJ73WqZcRCPd91CujAdhsHIWoSY8hW0D48H1xeiF2GNGNIlPLFtl/7bcgwJc5XhOPNaC7yX3IgD4FzwAzColwOpfhvep6fqt8x16iUGg2+Y25qNq8LaqIfwnfAxBAKgAmQ7Cy1rYRL+J/unGeFaKTV1SGemVd2y9hoWptA6OBzTCByjAfBgNVHSMEGDAWgBQXX0bJdknapmON7R+SIdkk6PiwMDAdBgNVHQ4EFgQUU0D5QKjSEyCz8UDpqJ6+apHN5FAwDgYDVR0PAQH/BAQDAgOIMAwGA1UdEwEB/wQCMAAwIAYDVR0lAQH/BBYwFAYIKwYBBQUHAwEGCCsGAQUFBwMCMEgGA1UdHwEB/wQ+MDwwOqA4oDaGNGh0dHA6Ly8xMjcuMC4wLjE6NDAwNzkvRUNDL0NBMDUwMDMvY3JsL0NybDFwMURwMS5jcmwwCgYIKoZIzj0EAwQDgYwAMIGIAkIBYEN0BWj8WxEM+J5VR7WASWmzAKZNMrX2KNMfmhkrUlJfo3a6PJdoTJtyd/0sCon4sCU2MOz++8WXRlotsM1/uW8CQgD6Lg55jfI8VBvT/jlG/w+5214YgCUKst1lwD8+7N6OdoXIAH2I+tYrCwmO30joCiQNI3AFA/XtIg5Gs9udEWNxSQ==', NULL, 'Crl1p1Dp1.crl', NULL, NULL);
INSERT INTO idempotency (key, request, serial, at) VALUES ('key-4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb', '4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb', '4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb', 1795341021000);
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (1, 1795344489224, 'ecustation', 'begin', 'vpki', 'begun', '{"chain":"1ec03592-4681-4620-8f9f-998154a933d2","before":{"certificates":3},"brought":3}', 'bbe6549e44c31f95fd7779fb2b87675e920db52178b1f90cb2a5ca2bb1ec4515');
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (2, 1795341021000, '127.0.0.1 O=ECU provisioning station,CN=station', 'issue', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM', 'issued', '{"type":"prov-15118-2","serial":"4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb"}', '279229a0707bb0548a4153c1ed37824e5ba0a8ab5bdf0f237d8b55019df333f5');
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (3, 1795341021000, '127.0.0.1 O=ECU provisioning station,CN=station', 'issue', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20', 'issued', '{"type":"prov-15118-20","serial":"7cf216ded41739921493dc77b1cda0b1a4d9aafe"}', '57068d438c1d87afa7c381bc5a74e28c69b9e9b26d4ef023de10271a291cb10f');
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (4, 1795341021000, '127.0.0.1 O=ECU provisioning station,CN=station', 'issue', 'cn=KM77BSA0UZCJ8UVU3094,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV', 'issued', '{"type":"vehicle-15118-20","serial":"7f5190423af10932948ac4a2372820915babaa52"}', '7edd262546718a4ac802d0d85b64539bbc4b0d96f9f34a8e51bb94931f4838fa');
INSERT INTO audit_head (name, seq, hash) VALUES ('chain', 4, '7edd262546718a4ac802d0d85b64539bbc4b0d96f9f34a8e51bb94931f4838fa');
CREATE INDEX certificates_by_name ON certificates (type, name_key);
CREATE INDEX certificates_unlisted ON certificates (issuer, crl, listed, revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_revoked ON certificates (issuer, crl, serial) WHERE revoked_at IS NOT NULL;
PRAGMA user_version = 3;
COMMIT;
