//! Public keys as issuers publish them and one token of each, for the tests. The private halves were thrown away.

/// Each algorithm's token, its key being the one of its kind below. The id in it is the algorithm's name in lower case.
pub const TOKENS: [(&str, &str); 9] = [
    (
        "RS256",
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzMjU2In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         pMdrZEHU9WVdeR6V6JCj3Kps3knyQLq4GIWg4WsvnKs3XDePcXDyO0moM-vVrgIToPSON6z8YWGusn6tPc6Pp7dPl4e0uhuRcOTa-Ld8KQezC1Q2Yn6c0H6VQJ6tslGhoboiT1pUd8e6YFqhcY_Rdmf8fVWR1RdOsxkbuoONCpBJGcIFWnWwf7YgVYXAQETy_axqQcGJ3xPwA9gJB-qYkFffow1z0omEYjQRcUqrDlEXyQRihD2d3qj52p11aOE_szS7hOJvKnLMXvlLytsjkthESddrJUkIuJeqvLnhS3-Lj4xZMC3oXMCx0Fy7VTkxBKTG0HyRWGuDDKLDlIjSgg",
    ),
    (
        "RS384",
        "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InJzMzg0In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         HuP2eTKM0LfBa9gfyyDIQsxy2r4WFiMevLMjkhO6C2YMRoydsmc4Cxq5836-EbCep0vfKp1tAJLP-3XKW4_SfwFJbb3kNH5PNwP6iEB-CFEqMNPnv5SrOwLfg8qWDIMxRQnROHlGAU07YgWq31NGCDjOuk-4_QsiLTYqFajl6nJa0iBpuY0I0yV_LeXhQ1s0Rqf5sV3xzg4cmiHvIfu5gcQHgRamOODxWoHtQ6SfOlPGDNWMqCPCFJVXJqVH6Pt7by7-KeKFCyqRohgB6eC-6yGiJmx27fluE32KRZgxTWY9d-7ZtrGzbhZobK5ICMq7jlUzdGsMpjQjnInM8l3FXw",
    ),
    (
        "RS512",
        "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InJzNTEyIn0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         Bg51pmxvYIw-TL6jROTjlCCM2-RS18nH6VcnpaBqvnatagRCS1N9tCgAvdUvv1VFvziqbCO04iNqmFkVK9UWacaB2omqT1xdOSwVx4fCV7ibePh58wIlIszGPXPykJSMTryHX3vBmFvbZLqDfpz7NI_0ueDiSo2f2l-R2tXZOn6oHoj_l_QRlywHnBQH29dDDXwauTWqyHh6j8jiD9zjMS1gzm29L7IKiD8zRn7JY_5N9b5qj-X5Te4sEi6J-sYwcTAJTNNd63SAb6lAAZqNf6UemcyTDxvc6GxzAFO5_6As2Utg_jqVg7cHplWvC-7aJwv0ewmb4g7dV5s06bgTPQ",
    ),
    (
        "PS256",
        "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InBzMjU2In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         Pi1Ryn8r_mvbi6JpTxoHKG4FatrqXiglBVUw9z0vheHKTddVZylP6tNu6Ho9HMUvYqZZ7jm91k5zjjwIT6X0D2kd4lh5aOw_uLGxruhMO-QME2G82DTHULRMO4XNf1T6lyiTjEAaQEC6CFCfQsPBz2bDsdjfi1fM66owUt3cQNZ34neww5rTBZa6gszu4hQsZEBIYKsZo0XCpKrBX_dYXleebxxtlS1iPr77DZt8yHxp4KqaYbRDL7nxk3nzsRDGLv611D03UcuT039YRXbNfuvFl5wvmPseAkiqelARaUvIRFByAooXl_rDOygPhtcxqwwMgRhwasUPrQal5gx5Fg",
    ),
    (
        "PS384",
        "eyJhbGciOiJQUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InBzMzg0In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         IwWA-GCth-ueuRnwGRwGFUDGMyMbX2xOVQwshUOMjAs6fVzUbUwMgenZoMK0aBI34R2mKBULAVVsTnU7HdBrECSycpJBn6TGxBe_h1idqt3z1SP2E7mhWhCWp9mMvFMYKqQCviEpzQauevaHK1gvWEEPG8uK0q4rQmCKVoIaXcPWoorQXwMSIaPyklJDAZH1x9BASRJlwijwHL35ixxRTHPxu5HeBshIYzkezmGYdhLNI3xlT2tDJys1gKn0tNsjzjWji3XqVbsY9aY1dJQC6Jnh5-1kaPPXyJIqPQpUwprp2ZUK5MtgTd3K6ZGtakBxNzbWOK2OYYEI0JtHfaeCYA",
    ),
    (
        "PS512",
        "eyJhbGciOiJQUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InBzNTEyIn0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         QLr2eCB8Isr_oud2zPyAMQvmsMd-VCYzJbZQzD_6B_T8CWPbhABMIkJb39JhB8TLN_cQvEVD9GO4U3yNGuDYddhZyVTnNNyOB4GWulnU37m8P0-oqlm2S-DAhM9IwQY81Qh__SOdhiAVX9a-dCfROqMUvk3jFc_OtEVAj85K8OrLCUUjiFfkigGPnTwJEANtdaWNHz6kaP4RVNN93NM9vbnk9DepyoYYt6atN8yQfIX3OBb9qrv0GeeB8BE_SBWynO49sTYNqcQYDuQ9hFzESlaPsdaTzpVgInTjsjhnNEOf1o4PxMuIYMEl8rYFGlW2P7_rbiGXmZYZht_CjzLTUQ",
    ),
    (
        "ES256",
        "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVzMjU2In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         lW1Pkj1VLLhmTY55KVnPuYCTaNaNKgADEl2tZmmE_pz2xaG1U39onp_uydRYK2PzRDJ9dvZHbtDSbQjCfDlqgw",
    ),
    (
        "ES384",
        "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImVzMzg0In0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         VFIs8CC714BMLbAi2LR0XeeLCx2YKbNEzrHl0H41WwQKs81xT4yw0nNdcP1vjMDb5GgAJlG5ym1cUcWV3CSnMkR2YinXtxuX0N8M_FVcn--zuY71RX-1yIFK_lNpx90V",
    ),
    (
        "EdDSA",
        "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkZHNhIn0.\
         eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInNjb3BlIjoidG9vbHM6Y2FsbCJ9.\
         cVwkdpC7qPHaAAwUTYKnyxLI7x_tVmNzQZRXP3C_7ptYo1SvpfXE5x2vAYjBXsYQz3c404GCfUDyc4MYir3CAw",
    ),
];

pub const JWK_RSA: &str = r#"{"kty":"RSA","n":"xOvEfs-3-_uuXIoKRKU6wSEUhs3veFRFPSXhspj6srEtu-vIke8IvIq3zwhQ2vE5vQhYSs8aLHGGFIPKdsN2nggKgXL6eCxZs0KaB2EQ3o_L7P3PoCCQOXJ9IDqkO1XxOEeyFiD8SBI3GwlU9_Vfdl9XduCYyWf48AuO0pot1ayBTQkMmKDHrSqLG-SMtOVeKjetlYJ7MC573DZcbSiL45Wdn4DoWTxerDMHu5RbwHZi27sDZ1oFQQhJzE0CofdnbFgHRgPMxULRMDW_V2Zpg-nNpyxpyzqoFUEDNAWE4fFtNSGztVnlL-Y6orZC6BhZu900zqmH6Yf0B6wc7wUL7Q","e":"AQAB"}"#;
pub const JWK_P256: &str = r#"{"kty":"EC","crv":"P-256","x":"6PKdwtO0sjOmbmgUwZl1OwuLsM8Xowx5HvSoh1ybNvg","y":"yGU_wBdVr9yh1t38hIJvD81ZC5ZaOWiAnS2BFrfogMQ"}"#;
pub const JWK_P384: &str = r#"{"kty":"EC","crv":"P-384","x":"anJfTYPBXsRJl9w81LPboQeZSIxaNd9uC2jEVvnn1XGtbGmtpQbeb4BFJ0AMoPYm","y":"dLp2H823gSunqFAnmzGgZbEQSqXGOtFEC5G9VHypmsmauhghwVjAPil_nNfzvKIE"}"#;
pub const JWK_ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"gQSx2Fnhbnukk8Iugg4deSVZxnCIw7-K1tHA0HfDwSA"}"#;
pub const PEM_RSA: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxOvEfs+3+/uuXIoKRKU6
wSEUhs3veFRFPSXhspj6srEtu+vIke8IvIq3zwhQ2vE5vQhYSs8aLHGGFIPKdsN2
nggKgXL6eCxZs0KaB2EQ3o/L7P3PoCCQOXJ9IDqkO1XxOEeyFiD8SBI3GwlU9/Vf
dl9XduCYyWf48AuO0pot1ayBTQkMmKDHrSqLG+SMtOVeKjetlYJ7MC573DZcbSiL
45Wdn4DoWTxerDMHu5RbwHZi27sDZ1oFQQhJzE0CofdnbFgHRgPMxULRMDW/V2Zp
g+nNpyxpyzqoFUEDNAWE4fFtNSGztVnlL+Y6orZC6BhZu900zqmH6Yf0B6wc7wUL
7QIDAQAB
-----END PUBLIC KEY-----
";
pub const PEM_RSA_PKCS1: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAxOvEfs+3+/uuXIoKRKU6wSEUhs3veFRFPSXhspj6srEtu+vIke8I
vIq3zwhQ2vE5vQhYSs8aLHGGFIPKdsN2nggKgXL6eCxZs0KaB2EQ3o/L7P3PoCCQ
OXJ9IDqkO1XxOEeyFiD8SBI3GwlU9/Vfdl9XduCYyWf48AuO0pot1ayBTQkMmKDH
rSqLG+SMtOVeKjetlYJ7MC573DZcbSiL45Wdn4DoWTxerDMHu5RbwHZi27sDZ1oF
QQhJzE0CofdnbFgHRgPMxULRMDW/V2Zpg+nNpyxpyzqoFUEDNAWE4fFtNSGztVnl
L+Y6orZC6BhZu900zqmH6Yf0B6wc7wUL7QIDAQAB
-----END RSA PUBLIC KEY-----
";
pub const PEM_P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6PKdwtO0sjOmbmgUwZl1OwuLsM8X
owx5HvSoh1ybNvjIZT/AF1Wv3KHW3fyEgm8PzVkLllo5aICdLYEWt+iAxA==
-----END PUBLIC KEY-----
";
pub const PEM_P384: &str = "\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEanJfTYPBXsRJl9w81LPboQeZSIxaNd9u
C2jEVvnn1XGtbGmtpQbeb4BFJ0AMoPYmdLp2H823gSunqFAnmzGgZbEQSqXGOtFE
C5G9VHypmsmauhghwVjAPil/nNfzvKIE
-----END PUBLIC KEY-----
";
pub const PEM_ED: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAgQSx2Fnhbnukk8Iugg4deSVZxnCIw7+K1tHA0HfDwSA=
-----END PUBLIC KEY-----
";
pub const PEM_RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCmL3b9JWaNoOXgq9AmuuR4KHzT
qxBnSTEMsdtvDp84/0JcfPJfX/BknKnauGX5hBnfo1Dpp4uy343BvGy/e0e49ed+
03hBK3bq/A5EhH1JpNvMKZP+V3qpw/6XQX5UJ8zgwc7j+U/FGtsPBx/BHtQVLy5U
wBPy2ftvF4lmw+UYdQIDAQAB
-----END PUBLIC KEY-----
";
pub const PEM_P521: &str = "\
-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAcyRaCjrdfBankXxVfO3Bf40H7OhU
v3VDwlq4J8ZyHVlSsbl5U4Ty+ODiuRlWuTI7xbBPKvFYluc6S7qxSETFhvoA6PX3
Qo0G1vndswuRutEYYBsLm42I1EPevEjlaZWVPMX5VzjcPSlLrZL/glcjs1Et3VQ7
dOkhWvaRloB3LYK4xEs=
-----END PUBLIC KEY-----
";
