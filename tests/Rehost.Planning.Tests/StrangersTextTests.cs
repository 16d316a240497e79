using System.Text.Json;
using Rehost.Model;

namespace Rehost.Planning.Tests;

/// <summary>What a stranger has written, on its way to a terminal, a report, a file name or a plan.</summary>
public sealed class StrangersTextTests
{
    [Theory]
    [InlineData("web01 größe 日本 ✓", "web01 größe 日本 ✓")]
    [InlineData("a\x1b[31mred\a", "a\\u001b[31mred\\u0007")]
    [InlineData("a\rb\nc\td", "a\\u000db\\u000ac\\u0009d")]
    [InlineData("a\u009b31m\u0085", "a\\u009b31m\\u0085")] // C1: a terminal may take them for escape sequences
    [InlineData("user\u202excod.exe", "user\\u202excod.exe")] // turns the direction of writing
    [InlineData("a\u200bb\u2066c\u2028d\ufeff", "a\\u200bb\\u2066c\\u2028d\\ufeff")]
    [InlineData("\U000E0041tag", "\\ue0041tag")] // tag characters are not seen at all
    [InlineData("\uEF9B31m", "\\x9b31m")] // a byte that was no text, see GuestText
    public void Nothing_that_steers_a_terminal_or_an_eye_is_shown(string text, string shown)
    {
        Assert.Equal(shown, PrintableText.Clean(text));
        Assert.Equal(shown, PrintableText.Clean(shown));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_shown_and_lines_may_stay()
    {
        Assert.Equal("\\ud800x", PrintableText.Clean("\ud800x"));
        Assert.Equal("a\n\tb\\u001b", PrintableText.Clean("a\n\tb\x1b", keepLines: true));
    }

    [Fact]
    public void Json_shows_no_character_without_width_and_says_the_same()
    {
        var json = ModelJson.Serialize(new { name = "a\u202eb\u2028c\U000E0041ü\x1b\u009b" });
        Assert.DoesNotContain(json, letter => letter is '\u202e' or '\u2028' or '\x1b' or '\u009b');
        Assert.Contains("ü", json, StringComparison.Ordinal);
        Assert.Equal("a\u202eb\u2028c\U000E0041ü\x1b\u009b", JsonDocument.Parse(json).RootElement.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("web01", "web01")]
    [InlineData("../../etc/passwd", "_.._etc_passwd")]
    [InlineData("..", "guest")]
    [InlineData("/etc/shadow", "_etc_shadow")]
    [InlineData("", "guest")]
    [InlineData("-rf", "rf")]
    [InlineData(".hidden", "hidden")]
    [InlineData("a\nb\0c\x1b", "a_b_c_")]
    [InlineData("$(touch x)`y`;'\"<&>", "__touch_x__y_______")]
    [InlineData("ümlaut", "_mlaut")]
    public void A_file_name_is_one_name(string name, string file) => Assert.Equal(file, HostFileName.From(name));

    [Fact]
    public void A_file_name_leaves_room_below_the_limit() => Assert.Equal(HostFileName.MaximumLength, HostFileName.From(new string('x', 100_000)).Length);

    [Theory]
    [InlineData("/etc/NetworkManager/system-connections/w", "id=w\npsk=a secret, = \"x\"\nmode=1\n", "a secret, = \"x\"")]
    [InlineData("/etc/netplan/1.yaml", "  password: \"topsecret\"\n", "\"topsecret\"")]
    [InlineData("/etc/sysconfig/network-scripts/ifcfg-wlan0", "KEY1=s:abcde\n", "s:abcde")]
    [InlineData("/etc/network/interfaces", "iface x\n    wpa-psk topsecret\n", "topsecret")]
    [InlineData("/boot/grub/grub.cfg", "password_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD\n", "root grub.pbkdf2.sha512.10000.AB.CD")]
    [InlineData("/boot/grub/menu.lst", "password --md5 $1$ab$cdefghijk\n", "--md5 $1$ab$cdefghijk")]
    [InlineData("/boot/extlinux/extlinux.conf", "MENU MASTER PASSWD topsecret\n", "topsecret")]
    [InlineData("/etc/lilo.conf", "  password=topsecret\n", "topsecret")]
    [InlineData("/etc/fstab", "//a/b /c cifs user=x,password=topsecret,ro 0 0\n", "topsecret")]
    [InlineData("/etc/systemd/system/a.service", "Environment=\"A=1\" \"DB_PASSWORD=topsecret\"\n", "topsecret")]
    [InlineData("/etc/systemd/system/a.service", "Environment=API_KEY=topsecret\n", "topsecret")]
    [InlineData("/etc/x", "iscsi:me:topsecret@192.0.2.1::3260\n", "topsecret")]
    [InlineData("/etc/x", "url=http://me:topsecret@host/\n", "topsecret")]
    [InlineData("/etc/x", "-----BEGIN RSA PRIVATE KEY-----\nABC\n-----END RSA PRIVATE KEY-----\n", "ABC")]
    [InlineData("/etc/x", "⟦hidden:/etc/shadow:1⟧\n", "⟦hidden:/etc/shadow:1⟧")]
    public void Secrets_become_marks_and_come_back(string path, string text, string secret)
    {
        var masked = SecretText.Mask(path, text);
        Assert.DoesNotContain(secret.Trim('"'), masked, StringComparison.Ordinal);
        Assert.Equal([path], SecretText.SourcesOf(masked));
        var found = SecretText.Find(path, text);
        Assert.Equal(text, SecretText.Restore(masked, found.GetValueOrDefault, out var unknown));
        Assert.Null(unknown);

        // Steps take lines apart at spaces, commas and quotes.
        Assert.All(found.Keys, mark => Assert.DoesNotContain(mark, letter => char.IsWhiteSpace(letter) || letter is ',' or '"' or '\'' or '=' or ';'));
        SecretText.Restore(masked, _ => null, out unknown);
        Assert.NotNull(unknown);
    }

    [Fact]
    public void What_is_no_secret_stays()
    {
        const string fstab = "UUID=1 / ext4 errors=remount-ro 0 1\n";
        Assert.Equal(fstab, SecretText.Mask("/etc/fstab", fstab));
        const string menu = "title Debian\nkernel /vmlinuz root=/dev/xvda1 ro rd.luks.key=/keyfile token=1\n";
        Assert.Equal(menu, SecretText.Mask("/boot/grub/menu.lst", menu));
    }

    [Fact]
    public void A_text_made_to_explode_stays_quick()
    {
        var text = string.Concat(Enumerable.Repeat("password password=:= -----BEGIN PRIVATE KEY----- a:b:c:", 10_000));
        Assert.NotEmpty(SecretText.Mask("/etc/x", text));
    }
}
