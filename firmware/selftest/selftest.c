/* The self-test of a board: started by the ROM straight from flash offset 0, it prints chip, partition table and
 * identity on UART0 and blinks GPIO8. No heap, no interrupts, no libraries.
 *
 * Addresses: ESP32-C3 Technical Reference Manual, chapters "System and Memory", "UART", "GPIO", "Watchdogs",
 * "eFuse". ROM functions: esp32c3.rom.ld and esp32c3.rom.api.ld of ESP-IDF. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define UART_FIFO REG(0x60000000)
#define UART_STATUS REG(0x6000001C)
#define GPIO_OUT_SET REG(0x60004008)
#define GPIO_OUT_CLEAR REG(0x6000400C)
#define GPIO_ENABLE_SET REG(0x60004024)
#define GPIO8_OUT_SELECT REG(0x60004554 + 8 * 4)
#define IO_MUX_GPIO8 REG(0x60009004 + 8 * 4)
#define GPIO_SIMPLE_OUTPUT 0x80
#define LED (1u << 8)

#define RTC_WDT_CONFIG0 REG(0x60008090)
#define RTC_WDT_PROTECT REG(0x600080A8)
#define RTC_SWD_CONFIG REG(0x600080AC)
#define RTC_SWD_PROTECT REG(0x600080B0)
#define TIMG0_WDT_CONFIG0 REG(0x6001F048)
#define TIMG0_WDT_UPDATE (1u << 22)
#define TIMG0_WDT_PROTECT REG(0x6001F064)
#define WDT_KEY 0x50D83AA1u
#define SWD_KEY 0x8F1D312Au

#define EFUSE_MAC_LOW REG(0x60008844)
#define EFUSE_MAC_HIGH REG(0x60008848)
#define EFUSE_BLOCK1_3 REG(0x60008850)
#define EFUSE_BLOCK1_5 REG(0x60008858)

#define TABLE_OFFSET 0x8000
#define SECTOR 0x1000
#define ENTRY 32

/* int esp_rom_spiflash_read(uint32_t address, uint32_t *to, int32_t bytes): in the ROM. */
static int (*const rom_flash_read)(uint32_t, uint32_t *, int32_t) = (void *)0x40000130;

/* esp_app_desc_t of ESP-IDF: elf2image puts it first, where tools look for version and name. */
struct app_desc {
    uint32_t magic, secure_version, reserved1[2];
    char version[32], project_name[32], time[16], date[16], idf_version[32];
    uint8_t elf_sha256[32];
    uint32_t reserved2[20];
};
_Static_assert(sizeof(struct app_desc) == 256, "esp_app_desc_t has 256 bytes");
__attribute__((section(".appdesc"), used)) const struct app_desc description = {
    .magic = 0xABCD5432,
    .version = VERSION,
    .project_name = "steel-selftest",
    .idf_version = "bare-metal",
};

static uint32_t page[SECTOR / 4];

static void put(char one) {
    while (((UART_STATUS >> 16) & 0x3FF) >= 126) { }
    UART_FIFO = (uint8_t)one;
}

static void say(const char *text) {
    for (; *text; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}

/* Text from flash: of limited length, and only what can be shown. */
static void say_some(const uint8_t *text, int length) {
    for (int i = 0; i < length && text[i]; i++)
        put(text[i] >= 32 && text[i] < 127 ? (char)text[i] : '.');
}

static void say_hex(uint32_t value, int digits) {
    while (digits--)
        put("0123456789abcdef"[(value >> (digits * 4)) & 0xF]);
}

static void say_number(uint32_t value) {
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        put(digits[--count]);
}

static uint32_t word_at(const uint8_t *bytes) {
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int same(const uint8_t *text, const char *wanted) {
    while (*wanted)
        if (*text++ != (uint8_t)*wanted++)
            return 0;
    return 1;
}

static void stop_watchdogs(void) {
    RTC_WDT_PROTECT = WDT_KEY;
    RTC_WDT_CONFIG0 = 0;
    RTC_WDT_PROTECT = 0;
    TIMG0_WDT_PROTECT = WDT_KEY;
    TIMG0_WDT_CONFIG0 = TIMG0_WDT_UPDATE;
    TIMG0_WDT_PROTECT = 0;
    RTC_SWD_PROTECT = SWD_KEY;
    RTC_SWD_CONFIG |= 1u << 31;
    RTC_SWD_PROTECT = 0;
}

static void say_chip(void) {
    uint32_t minor = ((EFUSE_BLOCK1_5 >> 23 & 1) << 3) + (EFUSE_BLOCK1_3 >> 18 & 7);
    say("\nsteel-selftest " VERSION "\nchip: ESP32-C3 revision v");
    say_number(EFUSE_BLOCK1_5 >> 24 & 3);
    put('.');
    say_number(minor);
    say("\nmac: ");
    for (int byte = 5; byte >= 0; byte--) {
        say_hex(byte > 3 ? EFUSE_MAC_HIGH >> ((byte - 4) * 8) : EFUSE_MAC_LOW >> (byte * 8), 2);
        if (byte)
            put(':');
    }
    put('\n');
}

/* One page of NVS (ESP-IDF's documentation, "NVS internals"): a header, a bitmap, 126 entries of 32 bytes. Shows
 * short strings; of blobs, such as keys, only the name. */
static void say_nvs_page(void) {
    const uint8_t *bytes = (const uint8_t *)page;
    for (int index = 0; index < 126;) {
        uint32_t state = bytes[32 + index / 4] >> (index % 4 * 2) & 3;
        const uint8_t *entry = bytes + 64 + index * ENTRY;
        if (state != 2) { /* 2: written, and not erased */
            index++;
            continue;
        }
        if (entry[1] == 0x21) {
            say("  ");
            say_some(entry + 8, 16);
            say(" = ");
            say_some(entry + ENTRY, (int)word_at(entry + 24) & 0xFFFF);
            put('\n');
        } else if (entry[1] == 0x48) {
            say("  ");
            say_some(entry + 8, 16);
            say(": ");
            say_number(word_at(entry + 24));
            say(" bytes\n");
        }
        index += entry[2] ? entry[2] : 1; /* an entry spans itself and its data */
    }
}

static void say_identity(uint32_t offset, uint32_t size) {
    say("identity:\n");
    for (uint32_t at = offset; at < offset + size; at += SECTOR) {
        if (rom_flash_read(at, page, SECTOR) != 0) {
            say("  flash cannot be read\n");
            return;
        }
        if (page[0] != 0xFFFFFFFF)
            say_nvs_page();
    }
}

static void say_partitions(void) {
    uint32_t identity = 0, size = 0;
    if (rom_flash_read(TABLE_OFFSET, page, SECTOR) != 0) {
        say("partitions: flash cannot be read\n");
        return;
    }
    say("partitions:\n");
    for (int index = 0; index < 96; index++) {
        const uint8_t *entry = (const uint8_t *)page + index * ENTRY;
        if (entry[0] != 0xAA || entry[1] != 0x50)
            break;
        say("  0x");
        say_hex(word_at(entry + 4), 6);
        say(" 0x");
        say_hex(word_at(entry + 8), 6);
        put(' ');
        say_some(entry + 12, 16);
        put('\n');
        if (same(entry + 12, "identity")) {
            identity = word_at(entry + 4);
            size = word_at(entry + 8);
        }
    }
    if (identity)
        say_identity(identity, size);
    else
        say("no identity partition\n");
}

static void pause_cycles(uint32_t cycles) {
    while (cycles--)
        __asm__ volatile("nop");
}

void selftest(void) {
    stop_watchdogs();
    say_chip();
    say_partitions();
    say("selftest: done\n");
    IO_MUX_GPIO8 = (IO_MUX_GPIO8 & ~(7u << 12)) | 1u << 12;
    GPIO8_OUT_SELECT = GPIO_SIMPLE_OUTPUT;
    GPIO_ENABLE_SET = LED;
    for (;;) {
        GPIO_OUT_SET = LED;
        pause_cycles(2000000);
        GPIO_OUT_CLEAR = LED;
        pause_cycles(2000000);
    }
}
